// WaitQueue: requests of one worker that wait, first come first served, because every fit peer of
// the group is at its max_conns.
//
// The first one tries again when a request of this worker at the group has ended, and, because
// other workers' requests end too, on each tick while anybody waits. Who waits leaves by itself
// (leave()) when it has a peer, when its client is gone, and when it is told that its time is up.
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "conf/upstream_values.h"
#include "event/timer.h"
#include "shm/peers.h"

namespace weir {

class Waiter : public ListHook<> {
 public:
  // False: still nobody has room. Else it has left the queue.
  virtual bool on_turn() = 0;
  virtual void on_wait_over() = 0;  // after it was taken out of the queue
  bool waits() const { return is_linked(); }
  clock::Monotonic waits_until{};  // by the queue

 protected:
  ~Waiter() = default;
};

class WaitQueue {
 public:
  // `row`: where others see how many wait; may be null.
  WaitQueue(Loop& loop, const conf::QueueConf& conf, shm::GroupRow* row)
      : conf_(conf), row_(row), soon_(loop, &WaitQueue::serve, this), tick_(loop, &serve, this) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  bool enter(Waiter& waiter);  // false: it is full, or there is none
  void leave(Waiter& waiter);  // nothing happens when it does not wait
  void room() {                // a peer has one request less
    if (size_ != 0) soon_.schedule();
  }

 private:
  static void serve(void* self) { static_cast<WaitQueue*>(self)->serve(); }
  void serve();
  void resized(std::size_t size);

  const conf::QueueConf& conf_;
  shm::GroupRow* row_;
  List<Waiter> waiters_;
  std::size_t size_ = 0;
  Deferred soon_;  // out of the way of whatever ended
  Timer tick_;
};

}  // namespace weir
