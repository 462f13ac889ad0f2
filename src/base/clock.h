// Clock: the time of the current loop turn, read once per turn, so that no request pays a system
// call for the time.
//
// A process has one cached reading. The event loop refreshes it after each wait; code outside a
// loop (start-up, tools) calls refresh() itself. Durations and timeouts use the monotonic clock;
// only logs and HTTP dates use the wall clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::clock {

using Monotonic = std::chrono::steady_clock::time_point;
using Wall = std::chrono::system_clock::time_point;

void refresh();          // reads both clocks
Monotonic now();         // monotonic time of the last refresh
Wall wall();             // wall-clock time of the last refresh
std::int64_t wall_ms();  // the same in milliseconds since 1970

}  // namespace weir::clock
