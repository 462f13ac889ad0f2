#include "filter/coder_turns.h"

namespace weir {

CoderTurns::CoderTurns(Loop& loop, Clock clock)
    : loop_(loop),
      clock_(clock),
      later_(
          loop, [](void* self) { static_cast<CoderTurns*>(self)->call_waiting(); }, this) {}

std::chrono::nanoseconds CoderTurns::now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

bool CoderTurns::used_up() {
  if (turn_ != loop_.turns()) {
    turn_ = loop_.turns();
    spent_ = {};
  }
  return spent_ >= turn_time;
}

bool CoderTurns::begin(Waiter& waiter) {
  // Nobody overtakes those who wait.
  if (!used_up() && (calling_ || waiting_.empty())) {
    waiter.unlink();
    began_ = clock_();
    return true;
  }
  ++put_off_;
  if (!waiter.is_linked()) waiting_.push_back(waiter);
  later_.schedule();
  return false;
}

void CoderTurns::end() { spent_ += clock_() - began_; }

// At the end of a turn. In the turn that used its time up this comes too soon, and is put off
// again; the loop does not sleep while something is scheduled.
void CoderTurns::call_waiting() {
  calling_ = true;
  while (!waiting_.empty() && !used_up()) {
    Waiter& first = waiting_.front();
    first.unlink();
    first.called_(first.owner_);
  }
  calling_ = false;
  if (!waiting_.empty()) later_.schedule();
}

}  // namespace weir
