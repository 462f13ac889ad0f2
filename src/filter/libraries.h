// Which libraries code bodies in this build, for `weir -V`.
#pragma once

#include <string>

namespace weir {

std::string coder_libraries();

}  // namespace weir
