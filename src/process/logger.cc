#include "process/logger.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "observe/log_drain.h"
#include "os/signals.h"
#include "process/child_log.h"
#include "process/heart.h"
#include "process/options.h"
#include "process/survivors.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

class Logger {
 public:
  Logger(const LoggerPlan& plan, ChildSide& side)
      : plan_(plan),
        side_(side),
        owner_(plan.zones.slots, side.slot),
        heart_(loop_, owner_),
        drain_(plan.zones),
        channel_watcher_(loop_, call<&Logger::read_channel>, this),
        wake_watcher_(loop_, call<&Logger::woken>, this),
        drain_timer_(loop_, call<&Logger::drain_in_time>, this) {}

  int run();

 private:
  template <void (Logger::*Method)()>
  static void call(void* self) {
    (static_cast<Logger*>(self)->*Method)();
  }

  void read_channel();
  void obey(const Message& message, std::vector<Fd>& fds);
  void woken();
  void drain_in_time();
  void drain();
  void complain(const observe::LogDrain::Pass& pass);

  const LoggerPlan& plan_;
  ChildSide& side_;
  Loop loop_;
  shm::SlotOwner owner_;
  Heart heart_;
  observe::LogDrain drain_;
  LevelWatcher channel_watcher_, wake_watcher_;
  Timer drain_timer_;
  bool master_gone_ = false;
  std::uint64_t lost_ = 0;
  int last_error_ = 0;
};

int Logger::run() {
  // A TERM to the whole group means the others; their last lines are still to be written.
  ignore_signals({SIGTERM});
  log_to_ring(plan_.zones, side_.slot, side_.error_log_fd);
  if (!channel_watcher_.watch(side_.channel.fd()) ||
      !wake_watcher_.watch(plan_.zones.logger_wake_fd())) {
    log::line(log::Level::emerg, "the logger can't watch its channel");
    return exit_failure;
  }
  for (const auto& file : plan_.files) {
    // A copy each: the error log's descriptor stays the crash handler's.
    drain_.set_file(file.stream, Fd(::fcntl(file.fd, F_DUPFD_CLOEXEC, 3)));
    if (file.fd != side_.error_log_fd) ::close(file.fd);
  }
  heart_.start();
  owner_.ready(heart_.now_ns());
  side_.channel.send(Message::Kind::ready);
  drain_timer_.arm(Heart::interval);
  loop_.run();
  drain();
  return exit_ok;
}

void Logger::read_channel() {
  const bool gone = side_.channel.receive_each(
      [this](const Message& message, std::vector<Fd>& fds) { obey(message, fds); });
  if (!gone) return;
  channel_watcher_.stop();
  master_gone_ = true;
}

void Logger::obey(const Message& message, std::vector<Fd>& fds) {
  if (message.index >= shm::stream_count) return;
  const auto stream = static_cast<shm::Stream>(message.index);
  switch (message.kind) {
    case Message::Kind::log_file:
      drain();  // what was logged before the switch belongs to the old file
      if (!fds.empty()) drain_.set_file(stream, std::move(fds.front()));
      return;
    case Message::Kind::log_done: drain(); return drain_.set_file(stream, Fd());
    case Message::Kind::error_log: return switch_error_log(side_, fds);
    case Message::Kind::stop: return loop_.stop();
    case Message::Kind::go:
    case Message::Kind::drain:
    case Message::Kind::keep:
    case Message::Kind::drop_idle:
    case Message::Kind::drop_tunnels:
    case Message::Kind::adopt:
    case Message::Kind::release:
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
  log::warn("a message of kind {} is not for the logger", static_cast<unsigned>(message.kind));
}

void Logger::woken() {
  std::uint64_t count;
  // Level-triggered: the wake-ups must be taken, their number says nothing.
  [[maybe_unused]] const auto got = ::read(plan_.zones.logger_wake_fd(), &count, sizeof count);
  drain();
}

void Logger::drain_in_time() {
  drain();
  const auto other = [this](std::uint32_t index, const shm::SlotInfo&) {
    return index != side_.slot.index;
  };
  if (master_gone_ && !any_lives(plan_.zones.slots, other)) return loop_.stop();
  drain_timer_.arm(Heart::interval);
}

void Logger::drain() {
  observe::LogDrain::Pass pass;
  do {
    pass = drain_.drain(std::chrono::steady_clock::now());
    if (pass.lost != 0 || pass.damaged != 0) complain(pass);
    owner_.beat(std::chrono::steady_clock::now().time_since_epoch().count());
  } while (pass.more);
}

// Once per kind of failure: a full disk must not be answered with more lines.
void Logger::complain(const observe::LogDrain::Pass& pass) {
  lost_ += pass.lost;
  if (pass.damaged != 0) log::error("{} log rings were damaged and skipped", pass.damaged);
  if (pass.error == last_error_) return;
  last_error_ = pass.error;
  if (pass.error == 0) return;
  log::line(log::Level::alert, "log stream {} can't be written ({}: {}); {} lines lost so far",
            pass.error_stream, pass.error, std::strerror(pass.error), lost_);
}

}  // namespace

int run_logger(const LoggerPlan& plan, ChildSide& side) {
  Logger logger(plan, side);
  return logger.run();
}

}  // namespace weir::process
