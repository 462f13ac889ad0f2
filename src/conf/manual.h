// Everything that people read and that is made from the directive table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/model.h"

namespace weir::conf {

// -T: the effective values of every section, each with the place it came from; secrets masked.
std::string dump(const Config& config);

// --explain NAME: every directive of that name; nullopt when there is none.
std::optional<std::string> explain(std::string_view name);
std::string closest_directive(std::string_view name);  // for "did you mean"; empty: nothing near

std::string manual_page();      // man/weir.ini.5, mdoc
std::string sample();           // conf/weir.ini: every directive with its default, commented
std::string bash_completion();  // conf/dist/weir.bash-completion, of weir and weirctl

}  // namespace weir::conf
