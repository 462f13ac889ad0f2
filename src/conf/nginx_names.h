// What nginx's directives are called here: hints for those who come from there.
#pragma once

#include <string_view>

namespace weir::conf {

// "use upstream = NAME, and [upstream NAME]" for "proxy_pass"; empty for any other name.
std::string_view find_nginx_name(std::string_view name);

}  // namespace weir::conf
