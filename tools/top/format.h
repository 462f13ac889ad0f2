// How figures are written where there is little room for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::top {

std::string duration(std::int64_t ms);         // "0.4s" "42s" "12m05s" "3h12m" "5d03h"
std::string latency(std::uint64_t us);         // "640us" "2.3ms" "120ms" "1.2s"; 0: "-"
std::string rate(double per_second);           // "0" "3.2" "312" "12.3k" "4.5M"
std::string percent(double share);             // of 0 to 1: "0.0" "12.5" "100"
std::string size(std::uint64_t bytes);         // "0" "1000" "1.5k" "64M" "1.2G"
std::string count(std::uint64_t number);       // "0" "99999" "1234k" "56M"
std::string printable(std::string_view text);  // what a terminal might obey becomes '?'

}  // namespace weir::top
