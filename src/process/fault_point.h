// Fault points: places where a test makes the process core fail. Nothing of it is in a build
// without WEIR_TEST_HOOKS; there, the file that $WEIR_TEST_FAULTS names holds the point that fails.
#pragma once

#include <string_view>

namespace weir::process {

#ifdef WEIR_TEST_HOOKS
bool fault_point(std::string_view name);
#else
constexpr bool fault_point(std::string_view) { return false; }
#endif

}  // namespace weir::process
