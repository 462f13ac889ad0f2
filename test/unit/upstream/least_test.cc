#include <doctest/doctest.h>

#include "simulation.h"
#include "upstream/least_conn.h"

using namespace weir;
using namespace weir::test;

TEST_CASE("least connections: the least busy for its weight, each in turn where several are") {
  const Field field({1, 1, 4});
  LeastConn balancer(0);
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  std::map<std::size_t, int> busy;
  for (int i = 0; i < 60; ++i) {
    const std::size_t index = field.pick(balancer);
    REQUIRE(field.peers[index]->enter());
    requests.emplace_back(*field.peers[index]);
    ++busy[index];
  }
  CHECK(busy == std::map<std::size_t, int>{{0, 10}, {1, 10}, {2, 40}});
  for (int i = 0; i < 5; ++i) field.peers[1]->leave();
  for (int i = 0; i < 5; ++i) {
    CHECK(field.pick(balancer) == 1);
    REQUIRE(field.peers[1]->enter());
  }
}

TEST_CASE("least connections: idle peers are picked in turn, within 1 % of their weights") {
  check_shares([](std::uint32_t seed) { return balancer_of(conf::Balance::least_conn, seed); },
               true);
}

TEST_CASE("least connections: what other workers have in flight counts") {
  Shared shared;
  const Field mine({1, 1}, shared.worker()), theirs({1, 1}, shared.worker());
  REQUIRE(theirs.peers[0]->enter());
  LeastConn balancer(0);
  balancer.renew(mine.roster);
  CHECK(mine.picks(balancer, 10) == std::map<std::size_t, int>{{1, 10}});
  theirs.peers[0]->leave();
  REQUIRE(theirs.peers[1]->enter());
  CHECK(mine.picks(balancer, 10) == std::map<std::size_t, int>{{0, 10}});  // seen at once
  theirs.peers[1]->leave();
}

TEST_CASE("least connections: four workers choose within 5 % of one that knows everything") {
  for (const Simulation& plan :
       {Simulation{}, Simulation{.weighted = true}, Simulation{.peers = 1000},
        Simulation{.peers = 10, .per_second = 20'000, .service = std::chrono::milliseconds(2)}}) {
    CAPTURE(plan.peers);
    CAPTURE(plan.weighted);
    struct : World {
      double cost(const Peer& peer, std::uint64_t in_flight, clock::Monotonic) override {
        return static_cast<double>(in_flight + 1) / peer.options().weight;
      }
    } world;
    const Outcome outcome = simulate(
        plan, [](std::uint32_t seed) { return balancer_of(conf::Balance::least_conn, seed); },
        world);
    MESSAGE("ratio ", outcome.ratio());
    CHECK(outcome.ratio() < 1.05);
  }
}
