// Pace: how long one direction of a client connection may stand still, and how slow it may be.
// Holds only while bytes are waited for (wait() to rest()); see RateGuard.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "event/timer.h"
#include "proxy/rate_guard.h"

namespace weir {

class Pace {
 public:
  enum class Late : unsigned char { silent, slow };
  using Callback = void (*)(void* owner, Late how);  // at most once per wait()

  Pace(Loop& loop, const conf::MinRate& rate, Callback late, void* owner)
      : timer_(loop, &fired, this), rate_(rate), late_(late), owner_(owner) {}
  Pace& operator=(Pace&&) = delete;

  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

  void wait() {  // bytes are owed from now on
    rate_.begin_wait(clock::now());
    since_ = clock::now();
    timer_.arm(std::min(timeout_, rate_.until_check()));
  }
  void moved(std::uint64_t bytes) { rate_.moved(bytes); }
  void rest() {
    if (!timer_.armed()) return;
    rate_.end_wait(clock::now());
    timer_.cancel();
  }

 private:
  static void fired(void* self) {
    auto& pace = *static_cast<Pace*>(self);
    const auto silent = std::chrono::ceil<std::chrono::milliseconds>(clock::now() - pace.since_);
    if (silent >= pace.timeout_) return pace.late_(pace.owner_, Late::silent);
    if (pace.rate_.too_slow(clock::now())) return pace.late_(pace.owner_, Late::slow);
    pace.timer_.arm(std::min(pace.timeout_ - silent, pace.rate_.until_check()));
  }

  Timer timer_;
  RateGuard rate_;
  Callback late_;
  void* owner_;
  std::chrono::milliseconds timeout_{60'000};
  clock::Monotonic since_{};
};

}  // namespace weir
