#include "shm/check.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::shm {
namespace {

// Clocks of two processors, and the time between reading `now` and reading a heartbeat.
constexpr std::int64_t clock_slack_ns = 1'000'000'000;

class Violations {
 public:
  explicit Violations(std::vector<std::string>& list) : list_(list) {}
  template <class... Args>
  void expect(bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds) list_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  std::vector<std::string>& list_;
};

bool is_valid(SlotState state) { return state <= SlotState::dead; }
bool is_valid(Role role) { return role <= Role::compressor; }

void check_slot(const SlotTable& slots, std::uint32_t index, std::int64_t now_ns,
                Violations& slot_is) {
  const SlotInfo info = slots.info(index);
  slot_is.expect(is_valid(info.state), "slot {}: state {} does not exist", index,
                 static_cast<unsigned>(info.state));
  slot_is.expect(is_valid(info.role), "slot {}: role {} does not exist", index,
                 static_cast<unsigned>(info.role));
  slot_is.expect((info.state == SlotState::free) == (info.role == Role::none),
                 "slot {}: {} with role {}", index, name(info.state), name(info.role));
  slot_is.expect(info.state == SlotState::free || info.id.incarnation > 0,
                 "slot {}: {} without ever being claimed", index, name(info.state));
  const bool running = info.state == SlotState::ready || info.state == SlotState::draining;
  slot_is.expect(!running || info.pid > 0, "slot {}: {} without a process", index,
                 name(info.state));
  slot_is.expect(!running || info.ready_ns > 0, "slot {}: {} without a time of readiness", index,
                 name(info.state));
  for (const std::int64_t when : {info.claimed_ns, info.ready_ns, info.heartbeat_ns}) {
    slot_is.expect(when >= 0 && when <= now_ns + clock_slack_ns, "slot {}: a time in the future",
                   index);
  }
  slot_is.expect(slots.breadcrumb_is_sound(index), "slot {}: damaged breadcrumb", index);
}

void check_slots(const SlotTable& slots, std::int64_t now_ns, Violations& slot_is) {
  std::vector<pid_t> pids;
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    check_slot(slots, i, now_ns, slot_is);
    const SlotInfo info = slots.info(i);
    if (info.state == SlotState::ready || info.state == SlotState::draining) {
      pids.push_back(info.pid);
    }
  }
  std::sort(pids.begin(), pids.end());
  const auto twice = std::adjacent_find(pids.begin(), pids.end());
  if (twice != pids.end()) slot_is.expect(false, "process {} has two slots", *twice);
}

// Incarnations only grow and each is retired before the next begins, so what is read first bounds
// from below what is read later.
void check_stats(const Zones& zones, Violations& stats_are) {
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    const std::uint64_t folded = zones.stats.folded_incarnation(i);
    const std::uint64_t row = zones.stats.row_incarnation(i);
    const SlotInfo slot = zones.slots.info(i);
    stats_are.expect(folded <= row, "row {}: incarnation {} is retired, but it is {}'s row", i,
                     folded, row);
    stats_are.expect(row <= std::uint64_t{slot.id.incarnation} + 1,
                     "row {} belongs to incarnation {}, its slot to {}", i, row,
                     slot.id.incarnation);
    stats_are.expect(!is_live(slot.state) || folded < slot.id.incarnation,
                     "row {}: incarnation {} is alive and retired", i, slot.id.incarnation);
    stats_are.expect(zones.stats.row_incarnation(i) >= slot.id.incarnation,
                     "row {}: incarnation {} has a slot and no row", i, slot.id.incarnation);
    stats_are.expect(
        slot.state != SlotState::free || zones.stats.is_folded(slot.id) || slot.id.incarnation == 0,
        "row {}: incarnation {} was freed and its counts are lost", i, slot.id.incarnation);
    if (row <= folded) continue;
    for (const CounterInfo& info : counter_table) {
      const std::uint64_t value = zones.stats.value(i, info);
      stats_are.expect(value < std::uint64_t{1} << 63, "row {}: {} is below zero", i, info.name);
    }
  }
}

void check_ring(const Ring& ring, std::uint32_t index, Violations& ring_is) {
  RingReader reader(ring);
  constexpr int tries = 8;
  for (int attempt = 0; attempt < tries; ++attempt) {
    RingReader::Walk walk = reader.walk();
    RingReader::Record record;
    while (walk.next(record)) {
    }
    if (!walk.damaged()) return;
    // Behind the tail the producer overwrites: a walk that the consumer overtook proves nothing.
    if (reader.tail() != walk.start()) continue;
    ring_is.expect(false, "ring {}: no valid record at position {} (tail {}, head {})", index,
                   walk.position(), reader.tail(), reader.head());
    return;
  }
}

void check_rings(const Zones& zones, Violations& ring_is) {
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    if (zones.slots.info(i).id.incarnation != 0) check_ring(zones.rings.ring(i), i, ring_is);
  }
}

void check_tickets(const TicketKeys& tickets, Violations& keys_are) {
  TicketKeySet set;
  if (!tickets.read(set)) return keys_are.expect(false, "the keys can't be read");
  for (std::size_t i = 0; i < set.key.size(); ++i) {
    const TicketKey& key = set.key[i];
    const bool unset = key.not_before == 0 && key.not_after == 0;
    keys_are.expect(unset || key.not_before < key.not_after, "key {} is never valid", i);
    if (i == 0) continue;
    const TicketKey& newer = set.key[i - 1];
    keys_are.expect(unset || key.not_before <= newer.not_before, "key {} is newer than key {}", i,
                    i - 1);
    keys_are.expect(unset || key.name != newer.name, "keys {} and {} have one name", i - 1, i);
  }
}

void check_peer_cell(const PeerTable& peers, std::uint32_t index, std::int64_t now_ns,
                     Violations& peer_is) {
  const PeerInfo info = peers.info(index);
  peer_is.expect(info.word.health <= Health::unreachable && info.word.order <= Order::removed,
                 "cell {}: health {} or order {} does not exist", index,
                 static_cast<unsigned>(info.word.health), static_cast<unsigned>(info.word.order));
  peer_is.expect(info.word == PeerWord{} || info.id != 0, "cell {}: the state of nobody", index);
  for (const std::int64_t when : {info.since_ns, info.healthy_ns, info.probed_ns}) {
    peer_is.expect(when >= 0 && when <= now_ns + clock_slack_ns, "cell {}: a time in the future",
                   index);
  }
  // A cell whose claimer died before it gave a name has none; whoever needs the peer names it.
  const bool named = peers.cell(index).group.load(std::memory_order_acquire) != 0;
  if (!named || info.id <= leaving_id) return;
  peer_is.expect(PeerName{info.group, info.address, info.host}.id() == info.id ||
                     peers.cell(index).id.load(std::memory_order_acquire) != info.id,
                 "cell {}: its name is another's", index);
}

void check_peers(const Zones& zones, std::int64_t now_ns, Violations& peers_are) {
  const PeerTable& peers = zones.peers;
  for (std::uint32_t i = 0; i < peers.capacity(); ++i) check_peer_cell(peers, i, now_ns, peers_are);
  constexpr std::uint32_t below_zero = std::uint32_t{1} << 31;
  peers.for_each_slot([&](std::uint32_t slot) {
    for (std::uint32_t i = 0; i < peers.capacity(); ++i) {
      peers_are.expect(peers.in_flight(slot, i).load(std::memory_order_relaxed) < below_zero,
                       "slot {}, cell {}: fewer than no requests in flight", slot, i);
    }
    if (zones.slots.info(slot).state != SlotState::free) return;
    std::uint64_t left = 0;
    for (std::uint32_t i = 0; i < peers.capacity(); ++i) {
      left += peers.in_flight(slot, i).load(std::memory_order_relaxed);
    }
    // Between the two readings the slot may have been given to a new worker.
    peers_are.expect(left == 0 || zones.slots.info(slot).state != SlotState::free,
                     "slot {}: is free and has {} requests in flight", slot, left);
  });
}

void check_sessions(const Zones& zones, Violations& sessions_are) {
  for (std::uint32_t i = 0; i < zones.sessions.capacity(); ++i) {
    const auto cell = zones.sessions.cell_of(i);
    sessions_are.expect(!cell || *cell < zones.peers.capacity(),
                        "entry {}: belongs to a peer that can't be", i);
  }
}

}  // namespace

std::vector<ZoneCheck> check(const Zones& zones, std::int64_t now_ns) {
  std::vector<ZoneCheck> checks(zone_kinds.size());
  const auto all = zones.all();
  for (std::size_t i = 0; i < checks.size(); ++i) {
    checks[i].zone = zone_kinds[i]->name;
    const auto valid =
        validate(all[i]->header(), *zone_kinds[i], header_bytes + all[i]->body().size());
    if (!valid) checks[i].violations.emplace_back(valid.error().what);
  }
  Violations slots(checks[0].violations), stats(checks[1].violations), rings(checks[2].violations),
      tickets(checks[3].violations), peers(checks[4].violations), sessions(checks[5].violations);
  check_slots(zones.slots, now_ns, slots);
  check_stats(zones, stats);
  check_rings(zones, rings);
  check_tickets(zones.tickets, tickets);
  check_peers(zones, now_ns, peers);
  check_sessions(zones, sessions);
  return checks;
}

std::string report(const std::vector<ZoneCheck>& checks, bool& all_ok) {
  std::string text;
  all_ok = true;
  for (const ZoneCheck& zone : checks) {
    const std::size_t count = zone.violations.size();
    if (count == 0) {
      text += fmt::format("{}: ok\n", zone.zone);
      continue;
    }
    all_ok = false;
    text += fmt::format("{}: {} violation{}\n", zone.zone, count, count == 1 ? "" : "s");
    for (const std::string& violation : zone.violations) text += fmt::format("  {}\n", violation);
  }
  return text;
}

}  // namespace weir::shm
