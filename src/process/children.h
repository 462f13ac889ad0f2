// Children: the processes of the instance that the master forked and has not yet reaped.
//
// spawn() claims a slot, forks, and in the child closes everything that is not its, gives up the
// master's rights and runs the body. A death is noticed by the pidfd, the slot marked dead, and
// on_death told; who replaces it is not decided here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "os/fd.h"
#include "os/privileges.h"
#include "os/process.h"
#include "process/channel.h"
#include "process/poller.h"
#include "shm/zones.h"

namespace weir::process {

// What a child's body is given, after its rights were dropped.
struct ChildSide {
  Channel channel;
  shm::SlotId slot;
  int error_log_fd;
  std::string title;  // "worker 2, generation 3"
  bool detached;      // standard error is the error log, too
};

struct SpawnPlan {
  shm::Role role = shm::Role::none;
  std::uint64_t generation = 0;
  unsigned index = 0;  // of a worker in its generation
  std::string title;
  std::vector<int> keep;  // descriptors beside the channel and the error log
  int error_log_fd = 2;
  bool detached = false;               // from the terminal: nothing of it may be held on to
  const Identity* identity = nullptr;  // null: stays who the master is
  log::Level log_level = log::Level::notice;
  int cpu = -1;                         // -1: any
  std::uint64_t fd_limit = 0;           // 0: as it is
  std::function<int(ChildSide&)> body;  // its exit status
};

struct Child {
  enum class State : unsigned char { starting, ready, serving, draining, stopping };
  shm::Role role = shm::Role::none;
  shm::SlotId slot;
  pid_t pid = 0;
  Fd pidfd;
  Channel channel;
  std::uint64_t generation = 0;
  unsigned index = 0;
  State state = State::starting;
  Poller::Clock::time_point started, ready_at;
  std::string failure;        // what it said before it gave up
  Poller::TimerId timer = 0;  // kills it when it does not leave in time
  int asked_to_die = 0;       // a signal that we sent
};
std::string_view name(Child::State state);

class Children {
 public:
  struct Events {
    std::function<void(Child&, const Message&)> on_message;
    // The child is off the list and destroyed afterwards.
    std::function<void(Child&, const Ending&)> on_death;
  };
  Children(Poller& poller, shm::Zones& zones) : poller_(poller), zones_(zones) {}
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void set_events(Events events) { events_ = std::move(events); }

  // Null: `why` says it (no slot, no memory, no process).
  Child* spawn(SpawnPlan plan, std::string& why);
  // Asks it to go within `grace`; kills it afterwards.
  void stop(Child& child, std::chrono::milliseconds grace);
  void kill(Child& child, int signal);

  std::vector<Child*> all();
  std::vector<Child*> of_role(shm::Role role);
  std::vector<Child*> of_generation(std::uint64_t generation);
  Child* find(pid_t pid);
  std::size_t count(shm::Role role);
  bool empty() const { return children_.empty(); }

 private:
  [[noreturn]] static void become_child(const SpawnPlan& plan, ChildSide side);
  void read_channel(pid_t pid);
  void reap_child(pid_t pid);

  Poller& poller_;
  shm::Zones& zones_;
  Events events_;
  std::list<std::unique_ptr<Child>> children_;
};

}  // namespace weir::process
