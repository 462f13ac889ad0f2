// What holds for every way of choosing, and what for those that need few words of their own.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "base/hash.h"
#include "field.h"
#include "upstream/first.h"
#include "upstream/random_two.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr conf::Balance all_kinds[] = {
    conf::Balance::round_robin, conf::Balance::least_conn, conf::Balance::random,
    conf::Balance::hash,        conf::Balance::ip_hash,    conf::Balance::first,
    conf::Balance::least_time,  conf::Balance::least_load,
};

std::vector<std::uint32_t> some_weights(std::mt19937& random, std::size_t count) {
  std::vector<std::uint32_t> weights;
  for (std::size_t i = 0; i < count; ++i) {
    weights.push_back(static_cast<std::uint32_t>(1 + random() % 20));
  }
  return weights;
}

}  // namespace

TEST_CASE(
    "balancers: somebody who may be chosen is, and nobody else, whatever was tried and full") {
  std::mt19937 random(5);
  for (const conf::Balance kind : all_kinds) {
    CAPTURE(static_cast<int>(kind));
    for (int round = 0; round < 60; ++round) {
      const Field field(some_weights(random, 1 + random() % 130));
      const auto balancer =
          balancer_of(kind, static_cast<std::uint32_t>(random()), round % 2 != 0 ? 125 : 0);
      balancer->renew(field.roster);
      TriedPeers tried;
      std::vector<InFlight> requests;
      std::set<std::size_t> fit;
      for (std::size_t i = 0; i < field.peers.size(); ++i) {
        fit.insert(i);
        if (random() % 2 == 0) continue;
        fit.erase(i);
        if (random() % 2 == 0) {
          tried.add(i);
          continue;
        }
        field.peers[i]->set_options({.max_conns = 1});
        REQUIRE(field.peers[i]->enter());
        requests.emplace_back(*field.peers[i]);
      }
      for (int pick = 0; pick < 20; ++pick) {
        const std::size_t index = field.pick(*balancer, tried, random() * 0x9e3779b97f4a7c15U);
        REQUIRE((index == no_peer) == fit.empty());
        if (index != no_peer) REQUIRE(fit.contains(index));
      }
    }
  }
}

TEST_CASE("balancers: a request that is tried again gets each peer once, then nobody") {
  for (const conf::Balance kind : all_kinds) {
    CAPTURE(static_cast<int>(kind));
    const Field field(std::vector<std::uint32_t>(70, 2));
    const auto balancer = balancer_of(kind);
    balancer->renew(field.roster);
    TriedPeers tried;
    std::set<std::size_t> picked;
    for (std::size_t i = 0; i < field.peers.size(); ++i) {
      const std::size_t index = field.pick(*balancer, tried, 99);
      REQUIRE(index != no_peer);
      CHECK(picked.insert(index).second);
      tried.add(index);
    }
    CHECK(field.pick(*balancer, tried, 99) == no_peer);
  }
}

TEST_CASE("balancers: a roster may grow, shrink and be empty") {
  std::mt19937 random(6);
  const Field field(some_weights(random, 80));
  for (const conf::Balance kind : all_kinds) {
    CAPTURE(static_cast<int>(kind));
    const auto balancer = balancer_of(kind, 7);
    for (int change = 0; change < 100; ++change) {
      Roster some;
      const std::size_t one_in = 1 + random() % 90;
      for (std::size_t i = 0; i < field.peers.size(); ++i) {
        if (random() % one_in == 0) some.add(*field.peers[i], field.roster.weights[i]);
      }
      balancer->renew(some);
      for (int pick = 0; pick < 5; ++pick) {
        const std::uint64_t key = hash64(std::to_string(random()));
        const std::size_t index = balancer->pick(Choice(some, {}, key, {}));
        REQUIRE((index < some.size() || (index == no_peer && some.size() == 0)));
      }
    }
  }
}

TEST_CASE("balancers: no peer that checks or failures have found broken, while one is fit") {
  std::mt19937 random(8);
  clock::refresh();
  const clock::Monotonic now = clock::now();
  const auto now_ns = now.time_since_epoch().count();
  for (const conf::Balance kind : all_kinds) {
    CAPTURE(static_cast<int>(kind));
    for (int round = 0; round < 40; ++round) {
      Shared shared(64);
      const Field field(some_weights(random, 30), shared.worker());
      conf::UpstreamConf conf;
      conf.balance.value.kind = kind;
      conf.health_check.value.kind = conf::HealthCheckConf::Kind::http;
      Tiers tiers(conf, static_cast<std::uint32_t>(round));
      const std::size_t healthy = random() % 30;
      for (std::size_t i = 0; i < 30; ++i) {
        shm::PeerCell& cell = shared.zones->peers.cell(field.peers[i]->cell_index());
        const auto health = static_cast<shm::Health>(random() % 3);
        cell.word = shm::PeerWord{i == healthy ? shm::Health::healthy : health, true}.pack();
        const bool ejected = i != healthy && random() % 3 == 0;
        cell.ejected_until_ns = ejected ? now_ns + 1'000'000'000 : 0;
      }
      tiers.renew(field.peers, now, false);
      for (int pick = 0; pick < 30; ++pick) {
        const auto picked = tiers.pick({}, hash64(std::to_string(random())), now);
        REQUIRE(picked.peer != nullptr);
        const shm::PeerCell& cell = picked.peer->cell();
        REQUIRE(picked.peer->word().health == shm::Health::healthy);
        REQUIRE(cell.ejected_until_ns.load() <= now_ns);
      }
    }
  }
}

TEST_CASE("first: the first that has room, so that the others stay idle") {
  const Field field({1, 1, 1});
  for (const auto& peer : field.peers) peer->set_options({.max_conns = 2});
  First balancer;
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  clock::Monotonic now{};
  for (const std::size_t expected : {0u, 0u, 1u, 1u, 2u, 2u}) {
    const std::size_t index = field.pick(balancer, {}, 0, now);
    CHECK(index == expected);
    REQUIRE(field.peers[index]->enter());
    requests.emplace_back(*field.peers[index]);
  }
  CHECK(field.pick(balancer, {}, 0, now) == no_peer);
  requests[0].reset();
  CHECK(field.pick(balancer, {}, 0, now) == 0);  // not only after the millisecond: nobody else has
  requests.pop_back();
  now += 1ms;
  CHECK(field.pick(balancer, {}, 0, now) == 0);
}

TEST_CASE("random two: idle peers are picked by their weights") {
  const Field field({1, 2, 5, 8});
  RandomTwo balancer(3);
  balancer.renew(field.roster);
  constexpr int count = 400'000;
  auto picked = field.picks(balancer, count);
  for (std::size_t i = 0; i < 4; ++i) {
    const double weight = field.roster.weights[i] / (16.0 * Roster::weight_unit);
    CHECK(picked[i] == doctest::Approx(weight * count).epsilon(0.01));
  }
}

TEST_CASE("random two: the less busy one of two, by weight, so the busiest is never picked") {
  const Field field({1, 1, 3});
  RandomTwo balancer(3);
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  for (const std::size_t i : {0u, 0u, 1u, 2u, 2u, 2u}) {  // 2, 1 and 3 of three times the weight
    REQUIRE(field.peers[i]->enter());
    requests.emplace_back(*field.peers[i]);
  }
  auto picked = field.picks(balancer, 1000);
  CHECK(picked[0] == 0);
  CHECK(picked[1] > 0);
  CHECK(picked[2] > 0);
}

TEST_CASE("random two: with many requests in flight nobody is far above the mean") {
  const Field field(std::vector<std::uint32_t>(100, 1));
  RandomTwo balancer(1);
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  for (int i = 0; i < 10'000; ++i) {
    const std::size_t index = field.pick(balancer);
    REQUIRE(field.peers[index]->enter());
    requests.emplace_back(*field.peers[index]);
  }
  for (const auto& peer : field.peers) CHECK(peer->own_in_flight() <= 105);
}
