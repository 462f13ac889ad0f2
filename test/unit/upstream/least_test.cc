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
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint32_t> weights(1 + random() % 50);
    for (auto& weight : weights)
      weight = round == 0 ? 1 : static_cast<std::uint32_t>(1 + random() % 100);
    const Field field(weights);
    LeastConn balancer(static_cast<std::uint32_t>(round));
    balancer.renew(field.roster);
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0u);
    auto picked = field.picks(balancer, static_cast<int>(sum * 100));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      CHECK(picked[i] == doctest::Approx(weights[i] * 100).epsilon(0.01));
    }
  }
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
  const clock::Monotonic later = clock::Monotonic{} + Loads::refreshed_after;
  for (int i = 0; i < 10; ++i) CHECK(mine.pick(balancer, {}, 0, later) == 0);
  theirs.peers[1]->leave();
}

TEST_CASE("least connections: four workers choose within 5 % of one that knows everything") {
  for (const Simulation& plan :
       {Simulation{}, Simulation{.weighted = true}, Simulation{.peers = 1000},
        Simulation{.peers = 10, .per_second = 20'000, .service = std::chrono::milliseconds(2)}}) {
    CAPTURE(plan.peers);
    CAPTURE(plan.weighted);
    const Outcome outcome = simulate(
        plan, conf::Balance::least_conn,
        [](const Peer& peer, std::uint64_t in_flight) {
          return static_cast<double>(in_flight + 1) / peer.options().weight;
        },
        [](const Field&, std::size_t, clock::Monotonic) {});
    MESSAGE("ratio ", outcome.ratio());
    CHECK(outcome.ratio() < 1.05);
  }
}
