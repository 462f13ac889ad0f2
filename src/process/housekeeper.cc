#include "process/housekeeper.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cache/stores.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "process/admin_http.h"
#include "process/child_log.h"
#include "process/heart.h"
#include "process/options.h"
#include "process/order_desk.h"
#include "process/purge.h"
#include "process/purge_message.h"
#include "process/survivors.h"
#include "upstream/caretaker.h"
#include "upstream/discovery.h"

namespace weir::process {
namespace {

class Housekeeper {
 public:
  Housekeeper(const HousekeeperPlan& plan, ChildSide& side)
      : plan_(plan),
        side_(side),
        owner_(plan.zones.slots, side.slot),
        heart_(loop_, owner_),
        channel_watcher_(loop_, call<&Housekeeper::read_channel>, this),
        wake_watcher_(loop_, call<&Housekeeper::woken>, this),
        clean_timer_(loop_, call<&Housekeeper::clean_in_time>, this),
        store_timer_(loop_, call<&Housekeeper::keep_stores>, this),
        stores_(plan.generation.blueprint->stores()) {}

  int run();

 private:
  template <void (Housekeeper::*Method)()>
  static void call(void* self) {
    (static_cast<Housekeeper*>(self)->*Method)();
  }

  void read_channel();
  void obey(const Message& message, std::vector<Fd>& fds);
  void work();
  void find_peers();
  void yield();
  void order(const Message& message);
  void purge_stores(const Message& message);
  void woken();
  void clean_in_time();
  void clean();
  void watch_stores();
  void keep_stores();

  const HousekeeperPlan& plan_;
  ChildSide& side_;
  Loop loop_;
  shm::SlotOwner owner_;
  Heart heart_;
  LevelWatcher channel_watcher_, wake_watcher_;
  Timer clean_timer_, store_timer_;
  cache::Stores* stores_;
  std::vector<std::unique_ptr<LevelWatcher>> store_watchers_;
  std::unique_ptr<AdminHttp> admin_;
  std::unique_ptr<Caretaker> caretaker_;
  std::unique_ptr<Discovery> discovery_;
  PurgeReader purge_reader_;
  bool working_ = false, master_gone_ = false;
};

int Housekeeper::run() {
  log_to_ring(plan_.zones, side_.slot, side_.error_log_fd);
  if (!channel_watcher_.watch(side_.channel.fd())) {
    log::line(log::Level::emerg, "the housekeeper can't watch its channel");
    return exit_failure;
  }
  heart_.start();
  // Peers that were found before a restart serve from the first request on.
  if (plan_.alone) find_peers();
  owner_.ready(heart_.now_ns());
  side_.channel.send(Message::Kind::ready);
  loop_.run();
  caretaker_.reset();
  admin_.reset();
  discovery_.reset();
  return exit_ok;
}

void Housekeeper::read_channel() {
  const bool gone = side_.channel.receive_each(
      [this](const Message& message, std::vector<Fd>& fds) { obey(message, fds); });
  if (!gone) return;
  channel_watcher_.stop();
  master_gone_ = true;
  if (!working_) loop_.stop();
}

void Housekeeper::obey(const Message& message, std::vector<Fd>& fds) {
  switch (message.kind) {
    case Message::Kind::go: return work();
    case Message::Kind::yield: return yield();
    case Message::Kind::stop: return loop_.stop();
    case Message::Kind::order: return order(message);
    case Message::Kind::purge_text: return purge_reader_.add_text(message);
    case Message::Kind::purge: return purge_stores(message);
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
    case Message::Kind::ordered: break;
  }
  log::warn("a message of kind {} is not for the housekeeper", static_cast<unsigned>(message.kind));
}

void Housekeeper::work() {
  if (working_) return;
  working_ = true;
  if (!wake_watcher_.watch(plan_.zones.housekeeper_wake_fd())) {
    log::error("the housekeeper can't be woken; it looks every 100 ms");
  }
  admin_ = std::make_unique<AdminHttp>(loop_, plan_.zones, plan_.generation);
  for (const auto& shard : plan_.admin) admin_->add_listener(shard.fd);
  clean_timer_.arm(Heart::interval);
  if (stores_ != nullptr) watch_stores();
  clean();
  find_peers();
  const Generation& generation = plan_.generation;
  caretaker_ = std::make_unique<Caretaker>(loop_, *generation.config,
                                           generation.blueprint->contexts(), plan_.zones.peers);
}

void Housekeeper::find_peers() {
  if (discovery_ != nullptr) return;
  discovery_ = std::make_unique<Discovery>(loop_, *plan_.generation.config, plan_.zones,
                                           plan_.generation.number);
  discovery_->start();
}

// From here on nothing is written any more; the successor may start.
void Housekeeper::yield() {
  working_ = false;
  discovery_.reset();
  caretaker_.reset();
  wake_watcher_.stop();
  clean_timer_.cancel();
  store_timer_.cancel();
  store_watchers_.clear();
  side_.channel.send(Message::Kind::yielded);
  owner_.draining();
  loop_.stop();  // requests to the admin listener wait in its queue for the successor
}

void Housekeeper::order(const Message& message) {
  const auto command = order_of(message);
  Discovery::Obeyed done{false, "the order makes no sense"};
  if (command && !working_) done.text = "the housekeeper does not work yet";
  if (command && working_) done = discovery_->obey(*command);
  side_.channel.send(ordered_message(message.value, done.ok, done.text));
}

void Housekeeper::purge_stores(const Message& message) {
  const auto command = purge_reader_.take(message);
  Purged done{false, "the order makes no sense"};
  if (command && (!working_ || stores_ == nullptr)) {
    done.text = "the housekeeper does not work yet";
  } else if (command) {
    done = purge(*stores_, *plan_.generation.config, *command);
  }
  side_.channel.send(ordered_message(message.value, done.ok, done.text));
}

void Housekeeper::woken() {
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(plan_.zones.housekeeper_wake_fd(), &count, sizeof count);
  clean();
  if (caretaker_) caretaker_->woken();
}

void Housekeeper::clean_in_time() {
  clean();
  // Without a master it stays as long as somebody serves.
  if (master_gone_ && !any_worker_lives(plan_.zones.slots)) return loop_.stop();
  clean_timer_.arm(Heart::interval);
}

void Housekeeper::clean() {
  if (const unsigned freed = plan_.zones.clean_dead(stores_); freed != 0) {
    log::debug("cleaned up after {} processes", freed);
  }
}

// A worker that finds little room left in a store wakes us.
void Housekeeper::watch_stores() {
  stores_->enter(side_.slot);
  stores_->begin_transfers();
  for (const cache::Stores::Named& named : stores_->all()) {
    auto watcher = std::make_unique<LevelWatcher>(loop_, call<&Housekeeper::keep_stores>, this);
    if (!watcher->watch(named.store->wake_fd()))
      log::error("cache {}: the housekeeper can't be woken; it looks every 100 ms", named.name);
    store_watchers_.push_back(std::move(watcher));
  }
  keep_stores();
}

// In pieces: the peers are looked after between them.
void Housekeeper::keep_stores() {
  for (const cache::Stores::Named& named : stores_->all()) named.store->on_wake();
  const bool earlier_serve =
      stores_->transfers() && any_earlier_worker_lives(plan_.zones.slots, plan_.generation.number);
  const bool more = stores_->keep_house(clock::wall_ms(), earlier_serve);
  store_timer_.arm(more ? std::chrono::milliseconds(1) : Heart::interval);
}

}  // namespace

int run_housekeeper(const HousekeeperPlan& plan, ChildSide& side) {
  Housekeeper keeper(plan, side);
  return keeper.run();
}

}  // namespace weir::process
