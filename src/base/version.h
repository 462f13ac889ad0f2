// The version of weir, in one place.
#pragma once

#include <string_view>

namespace weir {

inline constexpr std::string_view version = "0.1.0";

}  // namespace weir
