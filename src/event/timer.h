// Timer: calls its owner once after a delay, unless cancelled. Coarse on purpose: fires on ticks of
// 10 ms (Loop::tick), never early.
//
// Arming costs no system call and no memory; arming again for later is one store, so a timer that
// is pushed back with every read is free. The callback may arm, cancel or destroy the timer.
// Destroying cancels. Must be destroyed before its loop.
#pragma once

#include <chrono>

#include "event/loop.h"
#include "event/wheel.h"

namespace weir {

class Timer : private Wheel::Entry {
 public:
  using Callback = void (*)(void* owner);
  Timer(Loop& loop, Callback fire, void* owner) : loop_(loop), fire_(fire), owner_(owner) {}

  void arm(std::chrono::milliseconds delay);  // from the time of this turn; replaces an earlier arm
  void cancel() { loop_.wheel_.cancel(*this); }
  bool armed() const { return Wheel::Entry::armed(); }

 private:
  friend class Loop;
  Loop& loop_;
  Callback fire_;
  void* owner_;
};

}  // namespace weir
