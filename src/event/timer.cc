#include "event/timer.h"

#include <algorithm>

#include "base/clock.h"

namespace weir {

void Timer::arm(std::chrono::milliseconds delay) {
  const auto at = clock::now() + std::max(delay, std::chrono::milliseconds(0)) - loop_.epoch_;
  // Rounded up: never early.
  const auto ticks = (at + Loop::tick - std::chrono::nanoseconds(1)) / Loop::tick;
  loop_.wheel_.arm(*this, static_cast<Wheel::Tick>(ticks));
}

}  // namespace weir
