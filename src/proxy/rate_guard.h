// RateGuard: does a client move its bytes fast enough? Pure: the time comes in.
//
// Only time in which bytes are waited for counts: an upload that stands still because the origin is
// slow, or a download whose origin has nothing to say, is nobody's fault here. After `grace` of
// such waiting every full `window` of it must have moved bytes_per_second * window bytes
// (strictness study §5: 240 B/s over 30 s after 10 s).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "conf/values.h"

namespace weir {

class RateGuard {
 public:
  explicit RateGuard(const conf::MinRate& rule) : rule_(&rule) {}

  void begin_wait(clock::Monotonic now) {
    if (!waiting_) since_ = now;
    waiting_ = true;
  }
  void end_wait(clock::Monotonic now) {
    count(now);
    waiting_ = false;
  }
  void moved(std::uint64_t bytes) { bytes_ += bytes; }

  // Also ends a window that is over. Ask at the latest after until_check().
  bool too_slow(clock::Monotonic now) {
    count(now);
    if (rule_->bytes_per_second == 0 || waited_ < window_end()) return false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rule_->window).count();
    const bool slow = bytes_ < rule_->bytes_per_second * static_cast<std::uint64_t>(seconds);
    waited_ = rule_->grace;
    bytes_ = 0;
    return slow;
  }
  std::chrono::milliseconds until_check() const {
    if (rule_->bytes_per_second == 0) return std::chrono::hours(1);
    return std::max(window_end() - waited_, std::chrono::milliseconds(1));
  }

 private:
  std::chrono::milliseconds window_end() const { return rule_->grace + rule_->window; }
  void count(clock::Monotonic now) {
    if (!waiting_) return;
    waited_ += std::chrono::duration_cast<std::chrono::milliseconds>(now - since_);
    since_ = now;
  }

  const conf::MinRate* rule_;
  clock::Monotonic since_{};
  std::chrono::milliseconds waited_{0};
  std::uint64_t bytes_ = 0;
  bool waiting_ = false;
};

}  // namespace weir
