// Text for people: sentences, lines of a width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conf/directive.h"

namespace weir::conf {

std::vector<std::string> sentences(std::string_view text);
// Lines of at most `width` bytes (a longer word gets a line of its own), each behind `indent`.
std::string wrapped(std::string_view text, std::size_t width, std::string_view indent);

std::string sections_of(const Directive& directive);  // "[defaults], [server]"
std::string change_of(const Directive& directive);    // what a change of it takes

}  // namespace weir::conf
