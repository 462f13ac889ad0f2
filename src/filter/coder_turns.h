// CoderTurns: how much of a turn of the loop coders may work, so that neither one large body nor a
// hundred of them hold up the other connections of the worker.
//
// A filter asks before each slice of its work (slice_bytes of input at most) and says when it is
// done with it. When the time of this turn is used up, it is queued and called in a later turn,
// first come first called.
//
// One per worker; outlives the filters, dies before the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/list.h"
#include "event/loop.h"

namespace weir {

class CoderTurns {
 public:
  static constexpr std::size_t slice_bytes = std::size_t{32} * 1024;
  static constexpr std::chrono::microseconds turn_time{2000};
  using Clock = std::chrono::nanoseconds (*)();  // monotonic

  // Who works by slices. called(): it may ask again, destroy itself or others.
  class Waiter : public ListHook<> {
   public:
    using Callback = void (*)(void* owner);
    Waiter(Callback called, void* owner) : called_(called), owner_(owner) {}

   private:
    friend class CoderTurns;
    Callback called_;
    void* owner_;
  };

  explicit CoderTurns(Loop& loop, Clock clock = now);
  CoderTurns& operator=(CoderTurns&&) = delete;

  // False: not now; the waiter is called in a later turn.
  [[nodiscard]] bool begin(Waiter& waiter);
  void end();  // the slice that begin() allowed

  std::uint64_t put_off() const { return put_off_; }  // how often it was "not now"

 private:
  static std::chrono::nanoseconds now();
  void call_waiting();
  bool used_up();

  Loop& loop_;
  Clock clock_;
  Deferred later_;
  List<Waiter> waiting_;
  std::chrono::nanoseconds spent_{0}, began_{0};
  std::uint64_t turn_ = 0, put_off_ = 0;
  bool calling_ = false;
};

}  // namespace weir
