// Local times as logs have them, formatted once per second and worker.
#pragma once

#include <string_view>

#include "base/clock.h"

namespace weir {

std::string_view common_log_time(clock::Wall time);  // "10/Oct/2000:13:55:36 -0700"
std::string_view iso8601_time(clock::Wall time);     // "2000-10-10T13:55:36-07:00"

}  // namespace weir
