#include "shm/peers.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shm/check.h"
#include "shm/zones.h"

using namespace weir;
using namespace weir::shm;

namespace {

std::unique_ptr<Zones> make_zones(std::uint32_t peers = 16) {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min, .peers = peers});
  REQUIRE(zones);
  return std::move(*zones);
}

SlotId worker(Zones& zones) {
  const auto id = zones.claim(Role::worker, 1, 1);
  REQUIRE(id);
  return *id;
}

PeerName peer(std::string_view address) { return {"api", address, address}; }

}  // namespace

TEST_CASE("peers: one word holds all by which a peer is chosen") {
  PeerWord word{Health::unreachable, true, Order::disabled, true, true};
  word.said = Said::maintenance;
  word.said_down = true;
  word.weight = 65535;
  word.share = 255;
  CHECK(PeerWord::unpack(word.pack()) == word);
  CHECK(PeerWord::unpack(0) == PeerWord{});
  CHECK(PeerWord{}.pack() == 0);
}

TEST_CASE("peers: a cell is its peer's, whoever asks, and keeps its name") {
  const auto zones = make_zones();
  const std::string address = "127.0.0.1:8000";
  const PeerName name{"api", address, "origin.example"};
  const auto cell = zones->peers.claim(name, 5);
  REQUIRE(cell);
  CHECK(zones->peers.claim(name, 9) == cell);
  CHECK(zones->peers.find(name.id()) == cell);
  const PeerInfo info = zones->peers.info(*cell);
  CHECK(info.group == "api");
  CHECK(info.address == address);
  CHECK(info.host == "origin.example");
  CHECK(info.since_ns == 5);
  CHECK(info.word == PeerWord{});
  CHECK(PeerName{"web", address, {}}.id() != name.id());
  CHECK(PeerName{"ap", "i127.0.0.1:8000", {}}.id() != name.id());
}

TEST_CASE("peers: a long name is cut and stays a text") {
  const auto zones = make_zones();
  const std::string group(300, 'g'), address(300, 'a');
  const auto cell = zones->peers.claim({group, address, "host"}, 1);
  REQUIRE(cell);
  const PeerInfo info = zones->peers.info(*cell);
  CHECK(group.starts_with(info.group));
  CHECK(address.starts_with(info.address));
}

TEST_CASE("peers: no cell is left") {
  const auto zones = make_zones(2);
  CHECK(zones->peers.claim(peer("a:1"), 1));
  CHECK(zones->peers.claim(peer("b:1"), 1));
  CHECK_FALSE(zones->peers.claim(peer("c:1"), 1));
  CHECK(zones->peers.claim(peer("a:1"), 1));
}

TEST_CASE("peers: a cell that is used is not freed, and a freed one is as new") {
  const auto zones = make_zones();
  const SlotId slot = worker(*zones);
  const PeerName name = peer("a:1");
  const auto cell = zones->peers.claim(name, 1);
  REQUIRE(cell);
  REQUIRE(zones->peers.attach(slot, *cell, name.id()));
  zones->peers.row(slot.index, *cell).requests.add(7);
  zones->peers.cell(*cell).word = PeerWord{Health::healthy, true}.pack();
  set_text(zones->peers.cell(*cell).error, "timeout");
  CHECK(zones->peers.info(*cell).error == "timeout");
  CHECK_FALSE(zones->peers.free(*cell));
  CHECK(zones->peers.info(*cell).word.health == Health::healthy);
  CHECK(zones->peers.totals(*cell).requests == 7);
  zones->peers.detach(slot, *cell);
  CHECK(zones->peers.free(*cell));
  CHECK_FALSE(zones->peers.find(name.id()));
  CHECK_FALSE(zones->peers.attach(slot, *cell, name.id()));
  const auto again = zones->peers.claim(peer("b:1"), 2);
  CHECK(again == cell);
  CHECK(zones->peers.totals(*cell).requests == 0);
  CHECK(zones->peers.info(*cell).word == PeerWord{});
  CHECK(zones->peers.info(*cell).error.empty());
}

TEST_CASE("peers: what a dead worker had in flight is gone, what it counted stays") {
  const auto zones = make_zones();
  const SlotId one = worker(*zones), two = worker(*zones);
  const PeerName name = peer("a:1");
  const auto cell = zones->peers.claim(name, 1);
  REQUIRE(cell);
  for (const SlotId slot : {one, two}) {
    REQUIRE(zones->peers.attach(slot, *cell, name.id()));
    zones->peers.in_flight(slot.index, *cell).fetch_add(3);
    zones->peers.row(slot.index, *cell).requests.add(10);
    ++zones->peers.row(slot.index, *cell).latency[4];
  }
  CHECK(zones->peers.in_flight_of_all(*cell) == 6);
  zones->mark_dead(one);
  CHECK(zones->clean_dead() == 1);
  CHECK(zones->peers.in_flight_of_all(*cell) == 3);
  CHECK(worker(*zones).index == one.index);
  const PeerTotals totals = zones->peers.totals(*cell);
  CHECK(totals.requests == 20);
  CHECK(totals.latency[4] == 2);
  CHECK(totals.in_flight == 3);
}

TEST_CASE("peers: the checker sees damage") {
  const auto zones = make_zones();
  const auto all_ok = [&] {
    bool ok = false;
    report(check(*zones, 1'000'000'000), ok);
    return ok;
  };
  const SlotId slot = worker(*zones);
  const auto cell = zones->peers.claim(peer("a:1"), 1);
  REQUIRE(cell);
  CHECK(all_ok());
  SUBCASE("a state that does not exist") { zones->peers.cell(*cell).word = 77; }
  SUBCASE("the state of nobody") { zones->peers.cell(*cell + 1).word = 1; }
  SUBCASE("another's name") { zones->peers.cell(*cell).id.store(12345); }
  SUBCASE("fewer than none in flight") { zones->peers.in_flight(slot.index, *cell).fetch_sub(1); }
  CHECK_FALSE(all_ok());
}

TEST_CASE("peers: threads that claim the same peers agree about their cells") {
  const auto zones = make_zones(64);
  constexpr int threads = 4, names = 40;
  std::vector<std::vector<std::uint32_t>> cells(threads);
  std::vector<std::thread> running;
  running.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int n = 0; n < names; ++n) {
        const std::string address = "10.0.0." + std::to_string(n) + ":80";
        cells[static_cast<std::size_t>(t)].push_back(zones->peers.claim(peer(address), 1).value());
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  for (int t = 1; t < threads; ++t) CHECK(cells[static_cast<std::size_t>(t)] == cells[0]);
  CHECK(std::set<std::uint32_t>(cells[0].begin(), cells[0].end()).size() == names);
}
