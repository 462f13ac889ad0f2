#include "shm/counters.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "shm/zones.h"

namespace weir::shm {
namespace {

std::unique_ptr<Zones> make_zones() {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(zones);
  return std::move(*zones);
}

std::uint64_t total(const Zones& zones, std::string_view counter) {
  CounterValues values{};
  REQUIRE(zones.stats.sum(values));
  for (std::size_t i = 0; i < counter_count; ++i) {
    if (counter_table[i].name == counter) return values[i];
  }
  FAIL("no such counter");
  return 0;
}

}  // namespace

TEST_CASE("counters: every row of the table has a name of its own and a sentence") {
  std::set<std::string_view> names;
  for (const CounterInfo& info : counter_table) {
    CAPTURE(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(info.doc.ends_with('.'));
  }
}

TEST_CASE("counters: the sum is the same while a process lives, is dead, and is forgotten") {
  auto zones = make_zones();
  const SlotId one = *zones->claim(Role::worker, 1, 1), two = *zones->claim(Role::worker, 1, 1);
  zones->stats.row(one.index).requests.add(10);
  zones->stats.row(one.index).requests_active.add(3);
  zones->stats.row(two.index).requests.add(5);
  zones->stats.row(two.index).requests_active.add(2);
  zones->stats.row(two.index).requests_active.sub();
  CHECK(total(*zones, "requests") == 15);
  CHECK(total(*zones, "requests_active") == 4);

  zones->mark_dead(one);
  CHECK(total(*zones, "requests") == 15);
  zones->stats.fold(one);
  zones->stats.fold(one);  // as a successor of a killed housekeeper would
  CHECK(total(*zones, "requests") == 15);
  CHECK(total(*zones, "requests_active") == 1);  // gauges die with their process
  CHECK(zones->clean_dead() == 1);
  CHECK(total(*zones, "requests") == 15);

  const SlotId third = *zones->claim(Role::worker, 2, 2);
  CHECK(third == SlotId{one.index, one.incarnation + 1});
  CHECK(total(*zones, "requests") == 15);
  zones->stats.row(third.index).requests.add();
  CHECK(total(*zones, "requests") == 16);
  CHECK(zones->stats.is_folded(one));
  CHECK_FALSE(zones->stats.is_folded(third));
}

TEST_CASE("counters: a sum taken at any moment is neither too small nor too large") {
  auto zones = make_zones();
  constexpr std::uint64_t lives = 300, per_life = 20;
  std::atomic<std::uint64_t> counted{0};  // after each increment
  std::atomic<bool> done{false};
  std::thread master_worker_and_housekeeper([&] {
    for (std::uint64_t life = 0; life < lives; ++life) {
      const SlotId id = *zones->claim(Role::worker, 1, 1);
      for (std::uint64_t i = 0; i < per_life; ++i) {
        zones->stats.row(id.index).requests.add();
        counted.fetch_add(1);
      }
      zones->mark_dead(id);
      zones->clean_dead();
    }
    done = true;
  });
  CounterValues values{};
  while (!done) {
    const std::uint64_t before = counted.load();
    if (!zones->stats.sum(values)) continue;
    const std::uint64_t after = counted.load();
    std::size_t requests = 0;
    while (counter_table[requests].name != "requests") ++requests;
    REQUIRE(values[requests] >= before);
    REQUIRE(values[requests] <= after + 1);
  }
  master_worker_and_housekeeper.join();
  CHECK(total(*zones, "requests") == lives * per_life);
}

}  // namespace weir::shm
