#include "process/upstream_view.h"

#include <doctest/doctest.h>

#include <memory>

#include "shm/zones.h"

using namespace weir;
using namespace weir::process;

namespace {

std::unique_ptr<shm::Zones> make_zones() {
  auto zones = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = 16});
  REQUIRE(zones);
  return std::move(*zones);
}

UpstreamFacts api(std::vector<PeerFacts> peers) {
  UpstreamFacts facts;
  facts.name = "api";
  facts.scheme = "https";
  facts.discover = {{7, true}};
  facts.peers = std::move(peers);
  return facts;
}

void set_word(const shm::PeerTable& table, std::uint32_t cell, const shm::PeerWord& word) {
  table.cell(cell).word.store(word.pack());
}

}  // namespace

TEST_CASE("upstream view: peers of the file have their place, with and without a cell") {
  const auto zones = make_zones();
  const auto second = zones->peers.claim({"api", "10.0.0.2:80", "two"}, 5);
  REQUIRE(second);
  set_word(zones->peers, *second,
           {.health = shm::Health::healthy, .order = shm::Order::drained, .weight = 9});
  const auto views = view_of(
      zones->peers, {api({{"10.0.0.1:80", "one", 3, true}, {"10.0.0.2:80", "two", 1, false}})});
  REQUIRE(views.size() == 1);
  CHECK(views[0].scheme == "https");
  REQUIRE(views[0].peers.size() == 2);
  const PeerView& one = views[0].peers[0];
  CHECK(one.url == "https://10.0.0.1:80");
  CHECK(one.info.word == shm::PeerWord{});
  CHECK(one.weight == 3);
  CHECK(one.backup);
  const PeerView& two = views[0].peers[1];
  CHECK(two.info.word.health == shm::Health::healthy);
  CHECK(two.order == shm::Order::drained);
  CHECK(two.weight == 9);
  CHECK(two.configured.weight == 1);
  CHECK(two.is_static);
}

TEST_CASE("upstream view: what the file orders holds until an operator says otherwise") {
  const auto zones = make_zones();
  const PeerFacts down{"10.0.0.1:80", "one", 1, false, shm::Order::disabled};
  CHECK(view_of(zones->peers, {api({down})})[0].peers[0].order == shm::Order::disabled);
  const auto cell = zones->peers.claim({"api", "10.0.0.1:80", "one"}, 5);
  REQUIRE(cell);
  set_word(zones->peers, *cell, {.order = shm::Order::drained});
  CHECK(view_of(zones->peers, {api({down})})[0].peers[0].order == shm::Order::drained);
}

TEST_CASE("upstream view: discovered peers follow, and those that left while requests are there") {
  const auto zones = make_zones();
  const auto slot = zones->claim(shm::Role::worker, 1, 1);
  REQUIRE(slot);
  const auto found = zones->peers.claim({"api", "10.0.0.7:80", "seven"}, 5);
  const auto left = zones->peers.claim({"api", "10.0.0.8:80", "eight"}, 5);
  const auto other = zones->peers.claim({"old", "10.0.0.9:80", "nine"}, 5);
  REQUIRE(other);
  set_word(zones->peers, *found, {.discovered = true, .line = 1});
  const auto facts = std::vector{api({})};
  REQUIRE(view_of(zones->peers, facts).size() == 1);
  REQUIRE(view_of(zones->peers, facts)[0].peers.size() == 1);
  const PeerView seven = view_of(zones->peers, facts)[0].peers[0];
  CHECK(seven.url == "https://10.0.0.7:80");
  CHECK(seven.weight == 7);
  CHECK(seven.backup);
  CHECK_FALSE(seven.is_static);
  CHECK(seven.order == shm::Order::none);

  zones->peers.in_flight(slot->index, *left).store(2);
  zones->peers.in_flight(slot->index, *other).store(1);
  const auto views = view_of(zones->peers, facts);
  REQUIRE(views.size() == 2);
  REQUIRE(views[0].peers.size() == 2);
  CHECK(views[0].peers[1].order == shm::Order::removed);
  CHECK(views[0].peers[1].totals.in_flight == 2);
  CHECK(views[1].name == "old");
  CHECK(views[1].peers.at(0).url == "http://10.0.0.9:80");
}
