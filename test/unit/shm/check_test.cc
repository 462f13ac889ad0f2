#include "shm/check.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>

#include "shm/snapshot_update.h"

namespace weir::shm {
namespace {

constexpr std::int64_t now = 1000;

// Two workers, one of them cleaned and gone, lines in a ring, keys.
std::unique_ptr<Zones> sound_zones() {
  auto made = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(made);
  auto zones = std::move(*made);
  REQUIRE(zones->tickets.rotate(10));
  REQUIRE(zones->tickets.rotate(10 + ticket_rotation_seconds));
  const SlotId stays = *zones->claim(Role::worker, 1, 5), goes = *zones->claim(Role::logger, 1, 5);
  CHECK(SlotOwner(zones->slots, stays).ready(6));
  CHECK(SlotOwner(zones->slots, goes).ready(6));
  RingWriter writer = zones->log_writer(stays);
  for (int i = 0; i < 100; ++i) writer.push(1, "a line\n");
  zones->stats.row(stays.index).requests.add(7);
  zones->stats.row(goes.index).requests.add(7);
  zones->mark_dead(goes);
  zones->clean_dead();
  return zones;
}

std::string violations(const Zones& zones) {
  bool ok = false;
  const std::string text = report(check(zones, now), ok);
  return ok ? "" : text;
}

}  // namespace

TEST_CASE("check: sound zones are reported as such, by their owner and by a stranger") {
  auto zones = sound_zones();
  bool ok = false;
  CHECK(report(check(*zones, now), ok) ==
        "slots: ok\nstats: ok\nrings: ok\ntickets: ok\npeers: ok\nsessions: ok\n");
  CHECK(ok);
  std::array<Fd, zone_count> fds;
  for (std::size_t i = 0; i < fds.size(); ++i) fds[i] = Fd(::dup(zones->fds()[i]));
  auto stranger = Zones::attach(std::move(fds));
  REQUIRE(stranger);
  CHECK(violations(**stranger).empty());
}

TEST_CASE("check: zones of two instances are not taken for one") {
  auto one = sound_zones(), two = sound_zones();
  std::array<Fd, zone_count> fds;
  for (std::size_t i = 0; i < fds.size(); ++i) fds[i] = Fd(::dup((i == 2 ? two : one)->fds()[i]));
  CHECK_FALSE(Zones::attach(std::move(fds)));
}

TEST_CASE("check: each kind of damage is found") {
  struct Damage {
    const char* what;
    std::function<void(Zones&)> make;
  };
  const auto word = [](Zones& zones, std::uint32_t index, std::uint64_t value) {
    zones.slots.slot(index).word = value;
  };
  const Damage damages[] = {
      {"state", [&](Zones& it) { word(it, 0, 1UL << 32 | 9); }},
      {"role", [&](Zones& it) { word(it, 0, 1UL << 32 | 9 << 8 | 1); }},
      {"live without role", [&](Zones& it) { word(it, 0, 1UL << 32 | 2); }},
      {"free with role", [&](Zones& it) { word(it, 3, 1 << 8); }},
      {"never claimed", [&](Zones& it) { word(it, 3, 1 << 8 | 1); }},
      {"no process", [](Zones& it) { it.slots.slot(0).pid = 0; }},
      {"never ready", [](Zones& it) { it.slots.slot(0).ready_ns = 0; }},
      {"future", [](Zones& it) { it.slots.slot(0).heartbeat_ns = now + 5'000'000'000; }},
      {"two slots",
       [&](Zones& it) {
         const SlotId id = *it.claim(Role::worker, 1, 1);
         CHECK(SlotOwner(it.slots, id).ready(2));
       }},
      {"breadcrumb",
       [](Zones& it) { publish(it.slots.slot(0).breadcrumb, std::array<std::uint64_t, 1>{255}); }},
      {"lost counts", [&](Zones& it) { word(it, 1, 2UL << 32); }},
      {"freed unfolded", [&](Zones& it) { word(it, 0, 1UL << 32); }},
      {"row behind", [](Zones& it) { it.stats.row(0).incarnation = 0; }},
      {"row ahead", [](Zones& it) { it.stats.row(1).incarnation = 3; }},
      {"alive and retired",
       [](Zones& it) {
         it.stats.fold({0, 1});
       }},
      {"gauge", [](Zones& it) { it.stats.row(0).requests_active.sub(); }},
      {"head", [](Zones& it) { it.rings.ring(0).control->head += ring_bytes_min + 8; }},
      {"unaligned", [](Zones& it) { it.rings.ring(0).control->head += 4; }},
      {"tail", [](Zones& it) { it.rings.ring(0).control->tail += 1U << 20; }},
      {"record", [](Zones& it) { it.rings.ring(0).data[17] = std::byte{0x7f}; }},
  };
  for (const Damage& damage : damages) {
    CAPTURE(damage.what);
    auto zones = sound_zones();
    damage.make(*zones);
    CHECK_FALSE(violations(*zones).empty());
  }
}

}  // namespace weir::shm
