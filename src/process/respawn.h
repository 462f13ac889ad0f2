// Respawn: replaces children that died although nobody asked them to.
//
// A death of the process' own making (a fault, an exit status) within 10 s of READY backs off: 0,
// 100 ms, 200 ms ... 10 s, per role and index, so that a query of death can't turn the machine into
// a fork loop; but where no other worker is left it is 100 ms at most. A SIGKILL or SIGTERM from
// outside is answered at once.
#pragma once

#include <chrono>
#include <functional>
#include <map>

#include "process/instance.h"
#include "process/staff.h"

namespace weir::process {

// Pure: how long to wait after the nth quick death in a row (from 1).
std::chrono::milliseconds respawn_delay(unsigned quick_deaths);
bool from_outside(const Ending& ending);

class Respawn {
 public:
  Respawn(Instance& instance, Staff& staff) : instance_(instance), staff_(staff) {}

  // Says in the log what happened and what follows. `child` was not asked to go.
  void on_death(const Child& child, const Ending& ending);

 private:
  struct Place {
    shm::Role role;
    unsigned index;
    auto operator<=>(const Place&) const = default;
  };
  struct History {
    unsigned quick_deaths = 0;
    Poller::TimerId timer = 0;
  };
  bool wanted(const Place& place, std::uint64_t generation) const;
  bool nobody_serves() const;  // the worker that died was the last one of those in force
  void schedule(const Place& place, std::chrono::milliseconds delay);
  void start(const Place& place);
  Child* try_start(const Place& place, std::string& why);

  Instance& instance_;
  Staff& staff_;
  std::map<Place, History> history_;
};

}  // namespace weir::process
