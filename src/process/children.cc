#include "process/children.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "os/crash.h"
#include "os/memory_reserve.h"
#include "os/signals.h"
#include "process/options.h"

namespace weir::process {

std::string_view name(Child::State state) {
  switch (state) {
    case Child::State::starting: return "starting";
    case Child::State::ready: return "ready";
    case Child::State::serving: return "serving";
    case Child::State::draining: return "draining";
    case Child::State::stopping: return "stopping";
  }
  return {};
}

namespace {

std::int64_t monotonic_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// What went wrong before the child could do anything: told to the master, which logs it.
[[noreturn]] void give_up(const Channel& channel, std::string_view what) {
  Message message;
  message.kind = Message::Kind::failed;
  message.set_text(fmt::format("{} ({}: {})", what, errno, std::strerror(errno)));
  channel.send(message);
  ::_exit(exit_failure);
}

}  // namespace

void Children::become_child(const SpawnPlan& plan, ChildSide side) {
  MemoryReserve::forget();
  reset_signals();
  // A terminal sends these to the whole process group; a child obeys its channel.
  ignore_signals({SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU});
  ProcessTitle::set("weir: " + plan.title);
  std::vector<int> keep = plan.keep;
  keep.push_back(side.channel.fd());
  keep.push_back(plan.error_log_fd);
  close_others(keep);
  // The starting shell's descriptors must not live on; what a failing assertion prints is kept.
  if (plan.detached && (!stdio_to_null(true) || ::dup2(plan.error_log_fd, STDERR_FILENO) < 0)) {
    give_up(side.channel, "dup2()");
  }
  if (plan.cpu >= 0) {
    if (const auto done = pin_to_cpu(plan.cpu); !done) give_up(side.channel, done.error().what);
  }
  if (plan.fd_limit != 0) {
    if (const auto done = raise_fd_limit(plan.fd_limit); !done) {
      give_up(side.channel, done.error().what);
    }
  }
  volunteer_for_oom_killer();  // refused (no /proc): then the kernel chooses by size alone
  DropOptions drop;
  drop.identity = plan.identity;
  if (const auto done = drop_privileges(drop); !done) give_up(side.channel, done.error().what);
  install_crash_handler(plan.error_log_fd, side.title);
  log::set_threshold(plan.log_level);  // of its own generation, which may not be in force yet
  const int status = plan.body(side);
  // Not exit(): what the master registered or buffered is not ours to finish.
  ::_exit(status);
}

Child* Children::spawn(SpawnPlan plan, std::string& why) {
  auto slot = zones_.claim(plan.role, plan.generation, monotonic_ns());
  if (!slot) {
    why = std::string(slot.error().what);
    return nullptr;
  }
  auto pair = Channel::make();
  if (!pair) {
    why = fmt::format("{} failed ({}: {})", pair.error().what, errno, std::strerror(errno));
    zones_.mark_dead(*slot);
    return nullptr;
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    pair->first.close();
    become_child(plan, ChildSide{std::move(pair->second), *slot, plan.error_log_fd, plan.title,
                                 plan.detached});
  }
  Result<Fd> pidfd = pid > 0 ? pidfd_of(pid) : Result<Fd>(Error{Side::self, "fork()"});
  if (!pidfd) {
    why = fmt::format("{} failed ({}: {})", pidfd.error().what, errno, std::strerror(errno));
    if (pid > 0) ::kill(pid, SIGKILL);  // not reaped, so the number is still its own
    zones_.mark_dead(*slot);
    return nullptr;
  }
  zones_.slots.set_pid(*slot, pid);
  auto child = std::make_unique<Child>();
  child->role = plan.role;
  child->slot = *slot;
  child->pid = pid;
  child->pidfd = std::move(*pidfd);
  child->channel = std::move(pair->first);
  child->generation = plan.generation;
  child->index = plan.index;
  child->started = Poller::Clock::now();
  poller_.watch(child->pidfd.get(), [this, pid] { reap_child(pid); });
  poller_.watch(child->channel.fd(), [this, pid] { read_channel(pid); });
  children_.push_back(std::move(child));
  return children_.back().get();
}

void Children::stop(Child& child, std::chrono::milliseconds grace) {
  child.state = Child::State::stopping;
  if (!child.channel.send(Message::Kind::stop, grace.count())) kill(child, SIGKILL);
  poller_.cancel(child.timer);
  child.timer = poller_.after(grace, [this, pid = child.pid] {
    if (Child* late = find(pid); late != nullptr) {
      late->timer = 0;
      kill(*late, SIGKILL);
    }
  });
}

void Children::kill(Child& child, int signal) {
  child.asked_to_die = signal;
  send_signal(child.pidfd, signal);
}

void Children::read_channel(pid_t pid) {
  for (;;) {
    Child* child = find(pid);
    if (child == nullptr || !child->channel) return;
    bool closed = false;
    const auto received = child->channel.receive(closed);
    if (received) {
      if (received->message.kind == Message::Kind::failed) {
        child->failure = received->message.text;
      }
      events_.on_message(*child, received->message);
      continue;
    }
    if (closed) {  // its death follows; until then there is nothing to hear
      poller_.forget(child->channel.fd());
      child->channel.close();
    }
    return;
  }
}

void Children::reap_child(pid_t pid) {
  read_channel(pid);  // its last words
  const auto found = std::find_if(children_.begin(), children_.end(),
                                  [&](const auto& child) { return child->pid == pid; });
  if (found == children_.end()) return;
  const auto ending = reap((*found)->pidfd);
  if (!ending) return;
  const std::unique_ptr<Child> child = std::move(*found);
  children_.erase(found);
  poller_.forget(child->pidfd.get());
  if (child->channel) poller_.forget(child->channel.fd());
  poller_.cancel(child->timer);
  events_.on_death(*child, *ending);  // reads the slot's breadcrumb: it is marked dead after that
  zones_.mark_dead(child->slot);
}

std::vector<Child*> Children::all() {
  std::vector<Child*> out;
  for (const auto& child : children_) out.push_back(child.get());
  return out;
}

std::vector<Child*> Children::of_role(shm::Role role) {
  auto out = all();
  std::erase_if(out, [&](const Child* child) { return child->role != role; });
  return out;
}

std::vector<Child*> Children::of_generation(std::uint64_t generation) {
  auto out = all();
  std::erase_if(out, [&](const Child* child) { return child->generation != generation; });
  return out;
}

Child* Children::find(pid_t pid) {
  for (const auto& child : children_) {
    if (child->pid == pid) return child.get();
  }
  return nullptr;
}

std::size_t Children::count(shm::Role role) { return of_role(role).size(); }

}  // namespace weir::process
