#include "process/watchdog.h"

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "os/process.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds interval{100};
constexpr milliseconds late_tick{500};  // then it was us who stood still
constexpr milliseconds worth_a_line{1000};
constexpr milliseconds between_abort_and_kill{1000};

}  // namespace

void Watchdog::start() {
  last_tick_ = Poller::Clock::now();
  instance_.poller.after(interval, [this] { tick(); });
}

void Watchdog::tick() {
  const auto now = Poller::Clock::now();
  if (now - last_tick_ > late_tick) amnesty_until_ = now + std::chrono::seconds(1);
  last_tick_ = now;
  if (now >= amnesty_until_ && !instance_.ending) {
    look_at_queues(now);
    look_for_stuck(now);
  }
  instance_.poller.after(interval, [this] { tick(); });
}

milliseconds Watchdog::silence(const Child& child, Poller::Clock::time_point now) const {
  const shm::SlotInfo info = instance_.zones.slots.info(child.slot.index);
  Poller::Clock::time_point heard{std::chrono::nanoseconds(info.heartbeat_ns)};
  // A process is given time to start, and a stopped machine time to go on.
  heard = std::max({heard, child.started, amnesty_until_});
  return std::chrono::duration_cast<milliseconds>(now - heard);
}

void Watchdog::look_at_queues(Poller::Clock::time_point now) {
  const Generation* current = instance_.current;
  if (current == nullptr || current->workers < 2) return;
  std::vector<Child*> by_index(current->workers, nullptr);
  for (Child* child : instance_.children.of_generation(current->number)) {
    if (child->role == shm::Role::worker && child->state == Child::State::serving &&
        child->index < current->workers) {
      by_index[child->index] = child;
    }
  }
  const milliseconds delay = *current->config->main.worker_rescue_delay;
  for (unsigned index = 0; index < current->workers; ++index) {
    Rescue& rescue_of = rescues_[index];
    if (rescue_of.generation != current->number) {  // the workers of the last one are retiring
      rescue_of = {};
      rescue_of.generation = current->number;
    }
    const Child* child = by_index[index];
    const bool well = child != nullptr && silence(*child, now) < delay;
    if (well) {
      rescue_of.missing_since = {};
      if (rescue_of.by != 0) release(index, rescue_of);
      continue;
    }
    if (rescue_of.missing_since == Poller::Clock::time_point{}) rescue_of.missing_since = now;
    const bool long_enough = child != nullptr || now - rescue_of.missing_since >= delay;
    if (rescue_of.by == 0 && long_enough) rescue(index, rescue_of);
  }
}

void Watchdog::rescue(unsigned index, Rescue& rescue) {
  const Generation& current = *instance_.current;
  const auto now = Poller::Clock::now();
  Child* helper = nullptr;
  for (Child* child : instance_.children.of_generation(current.number)) {
    if (child->role != shm::Role::worker || child->state != Child::State::serving) continue;
    if (child->index == index ||
        silence(*child, now) >= *current.config->main.worker_rescue_delay) {
      continue;
    }
    const auto distance = [&](const Child& other) {
      return (other.index + current.workers - index) % current.workers;
    };
    if (helper == nullptr || distance(*child) < distance(*helper)) helper = child;
  }
  if (helper == nullptr) return;  // nobody is well; the next tick looks again
  for (const auto& shard : instance_.listeners.shards_of(current.listens, index, current.workers)) {
    if (shard.listen->address.is_unix()) continue;  // every worker polls it anyway
    Message message;
    message.kind = Message::Kind::adopt;
    message.index = shard.listener;
    message.shard = shard.shard;
    if (!helper->channel.send(message, {shard.fd})) return;
  }
  rescue.by = helper->pid;
  log::warn("worker {} is silent: worker {} polls its accept queues", index, helper->index);
}

void Watchdog::release(unsigned index, Rescue& rescue) {
  Child* helper = instance_.children.find(rescue.by);
  rescue.by = 0;
  if (helper == nullptr) return;
  const Generation& current = *instance_.current;
  for (const auto& shard : instance_.listeners.shards_of(current.listens, index, current.workers)) {
    if (shard.listen->address.is_unix()) continue;
    Message message;
    message.kind = Message::Kind::release;
    message.index = shard.listener;
    message.shard = shard.shard;
    helper->channel.send(message);
  }
  log::notice("worker {} is back: worker {} lets go of its accept queues", index, helper->index);
}

void Watchdog::on_death(const Child& child) {
  stuck_.erase(child.pid);
  for (auto& [index, rescue] : rescues_) {
    if (rescue.by == child.pid) rescue.by = 0;
  }
}

// The second sign that a silent process is stuck and not merely denied the CPU.
bool Watchdog::may_abort(const Child& child, Stuck& stuck) const {
  const char state = process_state_of(child.pid);
  if (state == 't') return false;  // a debugger holds it
  if (state != 'R') return true;   // asleep, in a system call or stopped: it does not want to run
  const auto cpu = cpu_time_of(child.pid);
  return cpu && *cpu - stuck.cpu >= milliseconds(100);
}

void Watchdog::look_for_stuck(Poller::Clock::time_point now) {
  const Generation* current = instance_.current;
  if (current == nullptr) return;
  const milliseconds limit = *current->config->main.worker_stall_timeout;
  for (Child* child : instance_.children.all()) {
    const milliseconds silent = silence(*child, now);
    if (silent < worth_a_line) {
      stuck_.erase(child->pid);
      continue;
    }
    Stuck& stuck = stuck_[child->pid];
    if (!stuck.reported) {
      stuck.reported = true;
      stuck.cpu = cpu_time_of(child->pid).value_or(milliseconds(0));
      const std::string crumb = instance_.zones.slots.breadcrumb(child->slot.index);
      log::warn("{} {} (pid {}) is silent for {} ms{}{}", shm::name(child->role), child->index,
                child->pid, silent.count(), crumb.empty() ? "" : "; it is at: ", crumb);
    }
    if (silent < limit || stuck.aborted || !may_abort(*child, stuck)) continue;
    stuck.aborted = true;
    log::line(log::Level::alert, "{} {} (pid {}) is stuck for {} ms: it is aborted",
              shm::name(child->role), child->index, child->pid, silent.count());
    instance_.children.kill(*child, SIGABRT);
    instance_.poller.after(between_abort_and_kill, [this, pid = child->pid] {
      if (Child* late = instance_.children.find(pid); late != nullptr) {
        instance_.children.kill(*late, SIGKILL);
      }
    });
  }
}

}  // namespace weir::process
