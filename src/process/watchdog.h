// Watchdog: looks at the heartbeats every 100 ms.
//
// A worker that is silent for worker_rescue_delay (200 ms), or dead for so long, has its accept
// queues polled by a sibling until it beats again. One that is silent for worker_stall_timeout
// (10 s) is aborted, with a stack, and killed a second later. Wall time alone never kills: a
// process that is runnable and gets no CPU, or is being traced, is left alone; and when the master
// itself was stopped, the clocks start anew.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "process/instance.h"

namespace weir::process {

class Watchdog {
 public:
  explicit Watchdog(Instance& instance) : instance_(instance) {}
  void start();
  // A worker has gone: what it polled for others must find somebody else.
  void on_death(const Child& child);

 private:
  struct Rescue {
    std::uint64_t generation = 0;
    pid_t by = 0;  // 0: not rescued
    Poller::Clock::time_point missing_since{};
  };
  struct Stuck {
    std::chrono::milliseconds cpu{};
    bool aborted = false;
    bool reported = false;
  };

  void tick();
  std::chrono::milliseconds silence(const Child& child, Poller::Clock::time_point now) const;
  void look_at_queues(Poller::Clock::time_point now);
  void look_for_stuck(Poller::Clock::time_point now);
  void rescue(unsigned index, Rescue& rescue);
  void release(unsigned index, Rescue& rescue);
  bool may_abort(const Child& child, Stuck& stuck) const;

  Instance& instance_;
  Poller::Clock::time_point last_tick_{}, amnesty_until_{};
  std::map<unsigned, Rescue> rescues_;  // by the index of a worker of the current generation
  std::map<pid_t, Stuck> stuck_;
};

}  // namespace weir::process
