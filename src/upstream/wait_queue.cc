#include "upstream/wait_queue.h"

namespace weir {

void WaitQueue::resized(std::size_t size) {
  size_ = size;
  if (row_ != nullptr) row_->queued.set(size);
}

bool WaitQueue::enter(Waiter& waiter) {
  assert(!waiter.waits());
  if (size_ >= conf_.length) return false;
  waiter.waits_until = clock::now() + conf_.timeout;
  waiters_.push_back(waiter);
  resized(size_ + 1);
  if (!tick_.armed()) tick_.arm(Loop::tick);
  return true;
}

void WaitQueue::leave(Waiter& waiter) {
  if (!waiter.waits()) return;
  waiter.unlink();
  resized(size_ - 1);
}

// All have the same timeout: the first is the first whose time is up.
void WaitQueue::serve() {
  while (size_ != 0) {
    Waiter& first = waiters_.front();
    if (clock::now() >= first.waits_until) {
      leave(first);
      first.on_wait_over();
    } else if (!first.on_turn()) {
      break;
    }
  }
  if (size_ != 0 && !tick_.armed()) tick_.arm(Loop::tick);
}

}  // namespace weir
