#include "upstream/discovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "os/address.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds look_interval{1000};

std::int64_t now_ns() { return clock::now().time_since_epoch().count(); }

}  // namespace

Discovery::Discovery(Loop& loop, const conf::Config& config, shm::Zones& zones,
                     std::uint64_t generation)
    : loop_(loop),
      config_(config),
      zones_(zones),
      generation_(generation),
      store_(MemberStore::folder_in(config.main.state_path->path)),
      timer_(
          loop, [](void* self) { static_cast<Discovery*>(self)->look_after(); }, this) {}

Discovery::~Discovery() = default;

void Discovery::start() {
  Saved saved;
  if (std::string why = store_.read(saved); !why.empty()) {
    log::error("what is saved of upstreams is not used: {}", why);
  }
  for (const conf::UpstreamConf& conf : config_.upstreams) {
    auto& group = *groups_.emplace_back(std::make_unique<Group>(zones_.peers, conf));
    adopt(group, saved);
    apply(group);
  }
  for (auto& group : groups_) {
    for (Source& source : group->sources) source.source->start();
  }
  timer_.arm(look_interval);
}

// Where the last housekeeper stopped, be it of this instance or of one before.
void Discovery::adopt(Group& group, const Saved& saved) {
  for (const conf::DiscoverConf& conf : group.conf.discover) {
    const std::string name = source_name(conf);
    const auto known = std::find_if(saved.sets.begin(), saved.sets.end(), [&](const auto& set) {
      return set.group == group.conf.name && set.source == name;
    });
    const auto line = static_cast<std::uint8_t>(group.sources.size() + 1);
    FoundSet set =
        known != saved.sets.end() ? known->peers : group.membership.members_of_line(line);
    put_in_order(set, zones_.peers.capacity());
    group.sources.push_back({&conf, Acceptance(std::move(set)),
                             make_discovery_source({loop_, *this, conf, *config_.main.resolver,
                                                    zones_.peers.capacity()}),
                             false});
  }
  for (const KeptOrder& kept : saved.orders) {
    if (kept.group == group.conf.name) group.kept[kept.address] = {kept.orders, kept.host};
  }
  group.orders = group.kept;
  for (auto& [address, ordered] :
       group.membership.orders_of(static_cast<std::uint32_t>(generation_))) {
    group.orders[address] = ordered;
  }
}

void Discovery::apply(Group& group) {
  std::vector<const FoundSet*> found;
  for (const Source& source : group.sources) found.push_back(&source.acceptance.accepted());
  const auto done =
      group.membership.apply(found, group.orders, static_cast<std::uint32_t>(generation_),
                             earlier_workers_live(), now_ns());
  if (done.no_room != 0 && !group.said_no_room) {
    log::error("upstream {}: no room for {} peers: upstream_peers_max is {}", group.conf.name,
               done.no_room, zones_.peers.capacity());
  }
  group.said_no_room = done.no_room != 0;
}

bool Discovery::earlier_workers_live() const {
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones_.slots.info(i);
    if (info.role == shm::Role::worker && shm::is_live(info.state) &&
        info.generation != generation_) {
      return true;
    }
  }
  return false;
}

void Discovery::look_after() {
  timer_.arm(look_interval);
  dismiss_strangers();
  for (auto& group : groups_) {
    if (!group->membership.stands() || group->said_no_room) apply(*group);
  }
}

// Members of groups that the configuration names no more, and former ones of those it does, stay as
// long as a worker of an earlier generation may need them.
void Discovery::dismiss_strangers() {
  if (earlier_workers_live()) return;
  bool changed = false;
  for (std::uint32_t i = 0; i < zones_.peers.capacity(); ++i) {
    shm::PeerCell& cell = zones_.peers.cell(i);
    const std::uint64_t id = cell.group.load(std::memory_order_acquire);
    if (id == 0) continue;
    auto word = shm::PeerWord::unpack(cell.word.load(std::memory_order_relaxed));
    const bool known = std::any_of(groups_.begin(), groups_.end(), [id](const auto& group) {
      return shm::group_id(group->conf.name) == id;
    });
    if (known && word.line != shm::former_line) continue;
    const shm::PeerWord stranger = with_membership(word, {});
    if (word == stranger) continue;
    cell.word.store(stranger.pack(), std::memory_order_release);
    cell.orders.store(0, std::memory_order_relaxed);
    changed = true;
  }
  if (changed) zones_.peers.bump();
}

// --- what sources say

std::pair<Discovery::Group*, Discovery::Source*> Discovery::find(const DiscoverySource& source) {
  for (auto& group : groups_) {
    for (Source& own : group->sources) {
      if (own.source.get() == &source) return {group.get(), &own};
    }
  }
  assert(false && "a source of nobody");
  return {};
}

void Discovery::say(const Group& group, const Source& source, const Acceptance::Outcome& outcome) {
  if (outcome.say.empty()) return;
  const bool well = outcome.verdict == Acceptance::Verdict::accepted ||
                    outcome.verdict == Acceptance::Verdict::same;
  log::line(well ? log::Level::notice : log::Level::warn, "upstream {}: {}: {}", group.conf.name,
            source_name(*source.conf), outcome.say);
}

void Discovery::on_found(DiscoverySource& from, FoundSet set) {
  const auto [group, source] = find(from);
  const std::size_t over = put_in_order(set, zones_.peers.capacity());
  if (over != 0 && !source->said_over) {
    log::error("upstream {}: {}: {} peers too many: upstream_peers_max is {}", group->conf.name,
               source_name(*source->conf), over, zones_.peers.capacity());
  }
  source->said_over = over != 0;
  const auto outcome = source->acceptance.judge(std::move(set), clock::now());
  say(*group, *source, outcome);
  if (outcome.verdict == Acceptance::Verdict::held) from.look_again(source->conf->interval_min);
  if (outcome.verdict != Acceptance::Verdict::accepted) return;
  save(false);
  apply(*group);
}

void Discovery::on_trouble(DiscoverySource& from, const std::string& why) {
  const auto [group, source] = find(from);
  say(*group, *source, source->acceptance.trouble(why));
}

// An empty text: done.
std::string Discovery::save(bool on_disk) {
  Saved saved;
  for (const auto& group : groups_) {
    for (const Source& source : group->sources) {
      if (source.acceptance.accepted().empty()) continue;
      saved.sets.push_back(
          {group->conf.name, source_name(*source.conf), source.acceptance.accepted()});
    }
    for (const auto& [address, kept] : group->kept) {
      saved.orders.push_back({group->conf.name, address, kept.host, kept.orders});
    }
  }
  // One file holds both: what must not be lost must not be lost by the next set either.
  std::string why = store_.write(saved, on_disk || !saved.orders.empty());
  if (!why.empty() && !save_failed_) log::error("upstreams can't be saved: {}", why);
  save_failed_ = !why.empty();
  return why;
}

// --- what an operator says

Discovery::Obeyed Discovery::obey(const PeerCommand& command) {
  const auto group = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const auto& it) { return it->conf.name == command.group; });
  if (group == groups_.end()) {
    return {false, fmt::format("there is no upstream \"{}\"", command.group)};
  }
  const auto address = Address::parse(command.peer);
  if (!address || (address->is_ip() && address->port() == 0)) {
    return {false, fmt::format("\"{}\" is not an address with a port", command.peer)};
  }
  const std::string host = address->is_ip() ? address->ip() : std::string(address->path());
  return order(**group, command, address->to_string(), host);
}

Discovery::Obeyed Discovery::order(Group& group, const PeerCommand& command,
                                   const std::string& address, const std::string& host) {
  using Action = PeerCommand::Action;
  const bool adds = command.action == Action::add;
  if (!adds && !group.membership.has(address)) {
    return {false, fmt::format("upstream {} has no peer {}", group.conf.name, address)};
  }
  if (adds && !group.membership.make_room(address, host, now_ns())) {
    return {false, fmt::format("no room: upstream_peers_max is {}", zones_.peers.capacity())};
  }
  if (command.persist) {
    const Orders before = group.kept;
    change(group, command, address, host, group.kept);
    if (std::string why = save(true); !why.empty()) {
      group.kept = before;
      return {false, fmt::format("it can't be kept, and was not done: {}", why)};
    }
  }
  change(group, command, address, host, group.orders);
  apply(group);
  static constexpr std::string_view done[] = {"is in",  "is out",      "has its weight",
                                              "drains", "is disabled", "is enabled"};
  std::string text =
      fmt::format("upstream {}: {} {}, {}", group.conf.name, address,
                  done[static_cast<std::size_t>(command.action)],
                  command.persist ? "over reloads and restarts" : "until the next reload");
  log::notice("by order: {}", text);
  return {true, std::move(text)};
}

void Discovery::change(const Group& group, const PeerCommand& command, const std::string& address,
                       const std::string& host, Orders& orders) const {
  using Action = PeerCommand::Action;
  Ordered& it = orders[address];
  it.orders.generation = static_cast<std::uint32_t>(generation_);
  if (it.host.empty()) it.host = host;
  switch (command.action) {
    case Action::add:
      it.orders.added = true;
      it.orders.backup = command.backup;
      it.orders.order = shm::Order::none;
      if (command.weight != 0) it.orders.weight = command.weight;
      break;
    case Action::remove: {
      // Who is named elsewhere would be back at once: that it is out has to be remembered.
      const bool kept = &orders != &group.kept && group.kept.count(address) != 0;
      const bool named = group.membership.is_static(address) || group.membership.is_found(address);
      if (named || kept) {
        it.orders.order = shm::Order::removed;
      } else {
        orders.erase(address);
      }
      break;
    }
    case Action::weight: it.orders.weight = command.weight; break;
    case Action::drain: it.orders.order = shm::Order::drained; break;
    case Action::disable: it.orders.order = shm::Order::disabled; break;
    case Action::enable: it.orders.order = shm::Order::none; break;
  }
}

}  // namespace weir
