// Heart: a process' sign of life in its slot: at each turn of the loop, and every 100 ms when
// nothing happens.
#pragma once

#include <cstdint>

#include "event/loop.h"
#include "event/timer.h"
#include "shm/slots.h"

namespace weir::process {

class Heart {
 public:
  static constexpr std::chrono::milliseconds interval{100};

  Heart(Loop& loop, shm::SlotOwner& owner);
  Heart& operator=(Heart&&) = delete;
  void start();
  std::int64_t now_ns() const;  // of this turn

 private:
  Loop& loop_;
  shm::SlotOwner& owner_;
  Timer timer_;
};

}  // namespace weir::process
