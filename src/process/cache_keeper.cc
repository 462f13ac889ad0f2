#include "process/cache_keeper.h"

#include <algorithm>

#include "base/log.h"
#include "cache/disk_keeper.h"
#include "cache/rules.h"
#include "cache/stores.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "process/child_log.h"
#include "process/heart.h"
#include "process/options.h"
#include "process/survivors.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

class CacheKeeper {
 public:
  CacheKeeper(const CacheKeeperPlan& plan, ChildSide& side)
      : plan_(plan),
        side_(side),
        owner_(plan.zones.slots, side.slot),
        heart_(loop_, owner_),
        channel_watcher_(loop_, call<&CacheKeeper::read_channel>, this),
        timer_(loop_, call<&CacheKeeper::keep>, this) {}

  int run();

 private:
  template <void (CacheKeeper::*Method)()>
  static void call(void* self) {
    (static_cast<CacheKeeper*>(self)->*Method)();
  }

  void read_channel();
  void obey(const Message& message, std::vector<Fd>& fds);
  void work();
  void woken();
  void keep();

  const CacheKeeperPlan& plan_;
  ChildSide& side_;
  Loop loop_;
  shm::SlotOwner owner_;
  Heart heart_;
  LevelWatcher channel_watcher_;
  Timer timer_;
  std::vector<std::unique_ptr<LevelWatcher>> store_watchers_;
  std::vector<std::shared_ptr<cache::Store>> stores_;
  std::vector<std::unique_ptr<cache::DiskKeeper>> keepers_;
  bool working_ = false, has_successor_ = false, master_gone_ = false;
};

int CacheKeeper::run() {
  log_to_ring(plan_.zones, side_.slot, side_.error_log_fd);
  if (!channel_watcher_.watch(side_.channel.fd())) {
    log::line(log::Level::emerg, "the cache keeper can't watch its channel");
    return exit_failure;
  }
  heart_.start();
  owner_.ready(heart_.now_ns());
  side_.channel.send(Message::Kind::ready);
  loop_.run();
  for (const auto& keeper : keepers_) keeper->leave(has_successor_);
  return exit_ok;
}

void CacheKeeper::read_channel() {
  const bool gone = side_.channel.receive_each(
      [this](const Message& message, std::vector<Fd>& fds) { obey(message, fds); });
  if (!gone) return;
  channel_watcher_.stop();
  master_gone_ = true;
  if (!working_) loop_.stop();
}

void CacheKeeper::obey(const Message& message, std::vector<Fd>& fds) {
  switch (message.kind) {
    case Message::Kind::go: return work();
    case Message::Kind::yield: has_successor_ = true; return;
    case Message::Kind::stop: return loop_.stop();
    case Message::Kind::error_log: return switch_error_log(side_, fds);
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
  log::warn("a message of kind {} is not for the cache keeper",
            static_cast<unsigned>(message.kind));
}

// The stores of this configuration; those that only an earlier generation uses have no disk from
// now on: their folders may be in use by these.
void CacheKeeper::work() {
  cache::Stores* const all = plan_.generation.blueprint->stores();
  if (working_ || all == nullptr) return;
  working_ = true;
  all->enter(side_.slot);
  for (const cache::Stores::Named& named : all->all()) {
    const auto is_its = [&](const conf::CacheConf& conf) {
      return conf.name == named.name && cache::store_sizes(conf) == named.store->sizes();
    };
    const auto& confs = plan_.generation.config->caches;
    if (named.store->sizes().disk_bytes == 0) continue;
    if (std::none_of(confs.begin(), confs.end(), is_its)) {
      cache::DiskKeeper::retire(*named.store);
      continue;
    }
    auto watcher = std::make_unique<LevelWatcher>(loop_, call<&CacheKeeper::woken>, this);
    if (!watcher->watch(named.store->wake_fd()))
      log::error("cache {}: the cache keeper can't be woken; it looks each second", named.name);
    store_watchers_.push_back(std::move(watcher));
    stores_.push_back(named.store);
    keepers_.push_back(std::make_unique<cache::DiskKeeper>(*named.store, std::string(named.name)));
  }
  keep();
}

void CacheKeeper::woken() {
  for (const auto& store : stores_) store->on_wake();
  keep();
}

// In pieces: the channel is read between them.
void CacheKeeper::keep() {
  auto sleep = milliseconds::max();
  for (const auto& keeper : keepers_) sleep = std::min(sleep, keeper->turn());
  // Without a master it stays as long as somebody serves.
  if (master_gone_ && !any_worker_lives(plan_.zones.slots)) return loop_.stop();
  if (!keepers_.empty()) timer_.arm(sleep);
}

}  // namespace

bool needs_cache_keeper(const conf::Config& config) {
  return std::any_of(config.caches.begin(), config.caches.end(),
                     [](const conf::CacheConf& cache) { return !cache.path->empty(); });
}

int run_cache_keeper(const CacheKeeperPlan& plan, ChildSide& side) {
  CacheKeeper keeper(plan, side);
  return keeper.run();
}

}  // namespace weir::process
