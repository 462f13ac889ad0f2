#include "process/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "os/memory_reserve.h"
#include "os/signals.h"
#include "process/child_log.h"
#include "process/fault_point.h"
#include "process/heart.h"
#include "process/options.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

// What a worker does without a master before it retires.
constexpr std::chrono::seconds orphan_time{60};

// More than any one allocation on the way of a request.
constexpr std::size_t reserve_bytes = std::size_t{2} << 20;
constexpr milliseconds between_refills{100};

class Worker {
 public:
  Worker(const WorkerPlan& plan, ChildSide& side)
      : plan_(plan),
        side_(side),
        owner_(plan.zones.slots, side.slot),
        heart_(loop_, owner_),
        channel_watcher_(loop_, call<&Worker::read_channel>, this),
        signal_watcher_(loop_, call<&Worker::read_signals>, this),
        orphan_timer_(loop_, call<&Worker::retire>, this),
        keep_timer_(loop_, call<&Worker::stop_accepting>, this),
        stop_timer_(loop_, call<&Worker::drop_all>, this),
        memory_short_(loop_, call<&Worker::make_memory_room>, this),
        refill_timer_(loop_, call<&Worker::make_memory_room>, this),
        reserve_(
            reserve_bytes, MemoryReserve::Empty::ends,
            [](void* self) { static_cast<Worker*>(self)->memory_short_.schedule(); }, this) {}

  int run();

 private:
  template <void (Worker::*Method)()>
  static void call(void* self) {
    (static_cast<Worker*>(self)->*Method)();
  }

  void read_channel();
  void obey(const Message& message, std::vector<Fd>& fds);
  void read_signals();
  void master_gone();
  void go();
  void adopt(const Message& message, Fd fd);
  void release(const Message& message);
  void close_shards(bool but_kept);
  void keep(const Message& message);
  void stop_accepting();
  void retire();
  void stop(milliseconds grace);
  void drop_all() { service_->drop_all(); }
  void drained();
  void make_memory_room();

  struct Adopted {
    std::uint32_t listener, shard;
    Fd fd;
  };

  WorkerPlan plan_;
  ChildSide& side_;
  Loop loop_;
  shm::SlotOwner owner_;
  Heart heart_;
  LevelWatcher channel_watcher_, signal_watcher_;
  Timer orphan_timer_, keep_timer_, stop_timer_;
  Deferred memory_short_;
  Timer refill_timer_;
  MemoryReserve reserve_;
  std::optional<SignalFd> signals_;
  std::unique_ptr<WorkerService> service_;
  std::vector<Adopted> adopted_;
  std::vector<std::uint32_t> kept_;  // listeners that still accept while we drain
  bool serving_ = false, retiring_ = false, memory_is_short_ = false;
};

int Worker::run() {
  log_to_ring(plan_.zones, side_.slot, side_.error_log_fd);
  auto signals = SignalFd::open({SIGQUIT});
  if (!signals || !signal_watcher_.watch(signals->fd()) ||
      !channel_watcher_.watch(side_.channel.fd())) {
    log::line(log::Level::emerg, "{} can't watch its channel", side_.title);
    return exit_failure;
  }
  signals_.emplace(std::move(*signals));
  service_ =
      plan_.generation.blueprint->start({loop_, *plan_.generation.config, plan_.zones, side_.slot});
  if (fault_point("worker")) return exit_failure;
  heart_.start();
  owner_.ready(heart_.now_ns());
  side_.channel.send(Message::Kind::ready);
  loop_.run();
  service_.reset();
  return exit_ok;
}

void Worker::read_channel() {
  const bool gone = side_.channel.receive_each(
      [this](const Message& message, std::vector<Fd>& fds) { obey(message, fds); });
  if (gone) master_gone();
}

void Worker::obey(const Message& message, std::vector<Fd>& fds) {
  switch (message.kind) {
    case Message::Kind::go: return go();
    case Message::Kind::drain: return retire();
    case Message::Kind::keep: return keep(message);
    case Message::Kind::drop_idle: return service_->drop_idle();
    case Message::Kind::drop_tunnels: return service_->drop_tunnels();
    case Message::Kind::stop: return stop(milliseconds(message.value));
    case Message::Kind::adopt:
      if (!fds.empty()) adopt(message, std::move(fds.front()));
      return;
    case Message::Kind::release: return release(message);
    case Message::Kind::error_log: return switch_error_log(side_, fds);
    case Message::Kind::log_file:
    case Message::Kind::log_done:
    case Message::Kind::yield:
    case Message::Kind::ready:
    case Message::Kind::failed:
    case Message::Kind::drained:
    case Message::Kind::yielded:
    case Message::Kind::order:
    case Message::Kind::ordered:
    case Message::Kind::purge_text:
    case Message::Kind::purge: break;
  }
  log::warn("a message of kind {} is not for a worker", static_cast<unsigned>(message.kind));
}

void Worker::read_signals() {
  while (signals_->next()) retire();
}

void Worker::master_gone() {
  channel_watcher_.stop();
  if (!serving_ && !retiring_) {  // the master died before the start was complete
    loop_.stop();
    return;
  }
  log::line(log::Level::alert, "the master is gone; serving on for {} s", orphan_time.count());
  if (!retiring_) orphan_timer_.arm(orphan_time);
}

void Worker::go() {
  if (serving_ || retiring_) return;
  serving_ = true;
  for (const auto& shard : plan_.shards) service_->add_listener(shard.fd, *shard.listen);
}

void Worker::adopt(const Message& message, Fd fd) {
  if (retiring_ || message.index >= plan_.generation.listens.size()) return;
  service_->add_listener(fd.get(), *plan_.generation.listens[message.index]);
  adopted_.push_back({message.index, message.shard, std::move(fd)});
}

void Worker::release(const Message& message) {
  std::erase_if(adopted_, [&](const Adopted& adopted) {
    if (adopted.listener != message.index || adopted.shard != message.shard) return false;
    service_->remove_listener(adopted.fd.get());
    return true;
  });
}

// A descriptor that nobody polls would keep its socket in the group: connections would go there to
// wait for ever once the master has closed it.
void Worker::close_shards(bool but_kept) {
  for (const auto& adopted : adopted_) service_->remove_listener(adopted.fd.get());
  adopted_.clear();
  std::erase_if(plan_.shards, [&](const Listeners::Shard& shard) {
    const bool kept = std::find(kept_.begin(), kept_.end(), shard.listener) != kept_.end();
    if (but_kept && kept) return false;
    if (serving_) service_->remove_listener(shard.fd);
    ::close(shard.fd);
    return true;
  });
}

void Worker::keep(const Message& message) {
  kept_.push_back(message.index);
  keep_timer_.arm(milliseconds(message.value));
}

void Worker::stop_accepting() {
  kept_.clear();
  if (!retiring_) return;
  close_shards(false);
  service_->stop_accepting();
  service_->drain(call<&Worker::drained>, this);
}

void Worker::retire() {
  if (retiring_) return;
  retiring_ = true;
  owner_.draining();
  if (kept_.empty()) return stop_accepting();
  close_shards(true);  // the rest when the timer fires
}

void Worker::stop(milliseconds grace) {
  retire();
  if (keep_timer_.armed()) {
    keep_timer_.cancel();
    stop_accepting();
  }
  service_->drop_idle();
  service_->drop_tunnels();
  // Half of the grace for what is being answered; the rest to leave in order.
  stop_timer_.arm(grace / 2);
}

// An allocation failed and was made good from the reserve. Until that is whole again nobody is
// accepted, and idle connections go.
void Worker::make_memory_room() {
  if (reserve_.refill()) {
    log::line(log::Level::alert, "an allocation failed; there is memory again");
    if (service_ && memory_is_short_) service_->pause_accepting(false);
    memory_is_short_ = false;
    return;
  }
  if (!memory_is_short_) {
    log::line(log::Level::alert, "memory is short: idle connections are closed, accepting pauses");
  }
  memory_is_short_ = true;
  refill_timer_.arm(between_refills);
  if (!service_) return;
  service_->pause_accepting(true);
  service_->drop_idle();
}

void Worker::drained() {
  side_.channel.send(Message::Kind::drained);
  loop_.stop();
}

}  // namespace

int run_worker(const WorkerPlan& plan, ChildSide& side) {
  Worker worker(plan, side);
  return worker.run();
}

}  // namespace weir::process
