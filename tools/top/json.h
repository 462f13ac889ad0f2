// --json: a frame for other programs. Rates are absent where there is one reading only.
#pragma once

#include <string>

#include "tools/top/frame.h"

namespace weir::top {

std::string json_of(const Frame& frame);

}  // namespace weir::top
