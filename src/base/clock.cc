#include "base/clock.h"

namespace weir::clock {
namespace {
Monotonic cached_now = std::chrono::steady_clock::now();
Wall cached_wall = std::chrono::system_clock::now();
}  // namespace

void refresh() {
  cached_now = std::chrono::steady_clock::now();
  cached_wall = std::chrono::system_clock::now();
}
Monotonic now() { return cached_now; }
Wall wall() { return cached_wall; }
std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(cached_wall.time_since_epoch())
      .count();
}

}  // namespace weir::clock
