#include "process/compressor.h"

#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "base/log.h"
#include "cache/rules.h"
#include "cache/stores.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "process/child_log.h"
#include "process/heart.h"
#include "process/options.h"
#include "process/survivors.h"
#include "proxy/copy_maker.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

// Of processor time, then it rests: long enough for the ticks of a timer, short enough for the
// heart.
constexpr std::chrono::nanoseconds burst = milliseconds(20);
constexpr milliseconds idle{100};
constexpr int least_urgent = 19;

std::chrono::nanoseconds processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

class Compressor {
 public:
  Compressor(const CompressorPlan& plan, ChildSide& side)
      : plan_(plan),
        side_(side),
        owner_(plan.zones.slots, side.slot),
        heart_(loop_, owner_),
        channel_watcher_(loop_, call<&Compressor::read_channel>, this),
        timer_(loop_, call<&Compressor::make>, this),
        coders_(copy_coder_bytes(*plan.generation.config)) {}

  int run();

 private:
  template <void (Compressor::*Method)()>
  static void call(void* self) {
    (static_cast<Compressor*>(self)->*Method)();
  }

  void read_channel();
  void obey(const Message& message, std::vector<Fd>& fds);
  void work();
  void make();
  bool make_some();

  const CompressorPlan& plan_;
  ChildSide& side_;
  Loop loop_;
  shm::SlotOwner owner_;
  Heart heart_;
  LevelWatcher channel_watcher_;
  Timer timer_;
  CoderPool coders_;
  std::vector<std::shared_ptr<cache::Store>> stores_;
  std::vector<std::unique_ptr<CopyMaker>> makers_;  // one for each of stores_
  std::size_t turn_ = 0;                            // whose
  bool working_ = false, master_gone_ = false;
};

int Compressor::run() {
  log_to_ring(plan_.zones, side_.slot, side_.error_log_fd);
  if (!channel_watcher_.watch(side_.channel.fd())) {
    log::line(log::Level::emerg, "the compressor can't watch its channel");
    return exit_failure;
  }
  if (::setpriority(PRIO_PROCESS, 0, least_urgent) != 0)
    log::warn("the compressor could not be made least urgent");
  heart_.start();
  owner_.ready(heart_.now_ns());
  side_.channel.send(Message::Kind::ready);
  loop_.run();
  return exit_ok;
}

void Compressor::read_channel() {
  const bool gone = side_.channel.receive_each(
      [this](const Message& message, std::vector<Fd>& fds) { obey(message, fds); });
  if (!gone) return;
  channel_watcher_.stop();
  master_gone_ = true;
  if (!working_) loop_.stop();
}

void Compressor::obey(const Message& message, std::vector<Fd>& fds) {
  switch (message.kind) {
    case Message::Kind::go: return work();
    case Message::Kind::stop: return loop_.stop();
    case Message::Kind::error_log: return switch_error_log(side_, fds);
    case Message::Kind::yield:
    case Message::Kind::drain:
    case Message::Kind::keep:
    case Message::Kind::drop_idle:
    case Message::Kind::drop_tunnels:
    case Message::Kind::adopt:
    case Message::Kind::release:
    case Message::Kind::log_file:
    case Message::Kind::log_done:
    case Message::Kind::ready:
    case Message::Kind::failed:
    case Message::Kind::drained:
    case Message::Kind::yielded:
    case Message::Kind::order:
    case Message::Kind::ordered:
    case Message::Kind::purge_text:
    case Message::Kind::purge: break;
  }
  log::warn("a message of kind {} is not for the compressor", static_cast<unsigned>(message.kind));
}

void Compressor::work() {
  cache::Stores* const all = plan_.generation.blueprint->stores();
  if (working_ || all == nullptr) return;
  working_ = true;
  all->enter(side_.slot);
  for (const cache::Stores::Named& named : all->all()) {
    stores_.push_back(named.store);
    makers_.push_back(std::make_unique<CopyMaker>(*named.store, coders_));
  }
  make();
}

void Compressor::make() {
  // Without a master it stays as long as somebody serves.
  if (master_gone_ && !any_worker_lives(plan_.zones.slots)) return loop_.stop();
  const auto turn_began = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds began = processor_time();
  std::chrono::nanoseconds spent{0};
  bool more = true;
  while (more && spent < burst) {
    more = make_some();
    spent = processor_time() - began;
  }
  const int share = static_cast<int>(*plan_.generation.config->main.compress_cached_cpu);
  const auto rest = std::chrono::ceil<milliseconds>(spent * (100 - share) / share);
  // Timers count from the beginning of the turn, and this one may have been long.
  const auto turn = std::chrono::steady_clock::now() - turn_began;
  timer_.arm(std::max(rest, more ? milliseconds(0) : idle) + std::chrono::ceil<milliseconds>(turn));
}

// A slice of whatever comes next. False: nothing is wanted.
bool Compressor::make_some() {
  for (std::size_t tried = 0; tried < makers_.size(); ++tried) {
    CopyMaker& maker = *makers_[turn_ % makers_.size()];
    if (!maker.busy() && !maker.take()) {
      ++turn_;
      continue;
    }
    const CopyMaker::Step step = maker.step();
    if (step == CopyMaker::Step::made)
      plan_.zones.stats.row(side_.slot.index).cache_copies_improved.add();
    if (step != CopyMaker::Step::goes_on) ++turn_;
    return true;
  }
  return false;
}

}  // namespace

bool needs_compressor(const conf::Config& config) { return copy_coder_bytes(config) != 0; }

std::uint64_t compressor_bytes(const conf::Config& config) {
  std::uint64_t largest = 0;
  for (const conf::CacheConf& cache : config.caches)
    largest = std::max(largest, cache.max_object_size->bytes);
  return copy_coder_bytes(config) + 2 * std::min(largest, CopyMaker::body_bytes_max);
}

int run_compressor(const CompressorPlan& plan, ChildSide& side) {
  Compressor compressor(plan, side);
  return compressor.run();
}

}  // namespace weir::process
