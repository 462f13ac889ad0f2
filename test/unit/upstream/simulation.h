// Requests that come and go at peers, through several workers that share what is in flight, in
// simulated time. Each choice is compared with that of somebody who knows everything: the cost of
// the peer that was picked with that of the best one at this moment.
#pragma once

#include <functional>
#include <limits>
#include <queue>
#include <random>

#include "field.h"

namespace weir::test {

struct Simulation {
  std::size_t workers = 4, peers = 200;
  double per_second = 40'000;
  clock::Monotonic::duration service = std::chrono::milliseconds(25);  // mean
  int requests = 20'000;
  bool weighted = false;
  bool even = false;  // peers are of four speeds and answer evenly; else all alike, exponentially
};

struct Outcome {
  double chosen = 0, best = 0;  // sums of costs
  std::vector<int> picks;       // of each peer
  double ratio() const { return chosen / best; }
};

// What goes on at the peers, besides requests in flight.
struct World {
  virtual ~World() = default;
  // What the exact one minimises.
  virtual double cost(const Peer& peer, std::uint64_t in_flight, clock::Monotonic now) = 0;
  virtual void answered(Peer&, std::chrono::nanoseconds /*after*/, clock::Monotonic) {}
  virtual void pass(Shared&, const Field&, clock::Monotonic) {}  // before each choice
};

inline Outcome simulate(const Simulation& plan, std::unique_ptr<Balancer> (*make)(std::uint32_t),
                        World& world) {
  using namespace std::chrono;
  std::mt19937 random(42);
  Shared shared(static_cast<std::uint32_t>(plan.peers));
  std::vector<std::uint32_t> weights;
  for (std::size_t i = 0; i < plan.peers; ++i) {
    weights.push_back(plan.weighted ? static_cast<std::uint32_t>(1 + i % 4) : 1);
  }
  std::vector<std::unique_ptr<Field>> fields;
  std::vector<std::unique_ptr<Balancer>> balancers;
  for (std::size_t i = 0; i < plan.workers; ++i) {
    fields.push_back(std::make_unique<Field>(weights, shared.worker()));
    balancers.push_back(make(static_cast<std::uint32_t>(i)));
    balancers.back()->renew(fields.back()->roster);
  }
  struct Ending {
    clock::Monotonic when;
    nanoseconds lasted;
    std::size_t worker, peer;
    bool operator>(const Ending& other) const { return when > other.when; }
  };
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings;
  std::exponential_distribution<double> gap(plan.per_second);
  std::exponential_distribution<double> exponential(1);
  std::uniform_real_distribution<double> even(0.8, 1.2);
  const auto seconds = [](double s) { return nanoseconds(static_cast<std::int64_t>(s * 1e9)); };
  const auto lasts = [&](std::size_t peer) {
    const double mean = duration<double>(plan.service).count();
    if (!plan.even) return seconds(mean * exponential(random));
    return seconds(mean * even(random) * static_cast<double>(1 + peer / 4 % 4) / 2.5);
  };
  Outcome out;
  out.picks.assign(plan.peers, 0);
  clock::Monotonic now = clock::Monotonic(hours(1));
  const auto end_until = [&](clock::Monotonic when) {
    while (!endings.empty() && endings.top().when <= when) {
      const Ending ending = endings.top();
      endings.pop();
      Peer& peer = *fields[ending.worker]->peers[ending.peer];
      peer.leave();
      world.answered(peer, ending.lasted, ending.when);
    }
  };
  for (int i = 0; i < plan.requests; ++i) {
    now += seconds(gap(random));
    end_until(now);
    const std::size_t worker = random() % plan.workers;
    const Field& field = *fields[worker];
    world.pass(shared, field, now);
    double best = std::numeric_limits<double>::max();
    for (const auto& peer : field.peers) {
      best = std::min(best, world.cost(*peer, peer->in_flight(), now));
    }
    const std::size_t index = field.pick(*balancers[worker], {}, 0, now);
    REQUIRE(index != no_peer);
    // The beginning, when all are empty, says little.
    if (i > plan.requests / 4) {
      out.chosen += world.cost(*field.peers[index], field.peers[index]->in_flight(), now);
      out.best += best;
      ++out.picks[index];
    }
    REQUIRE(field.peers[index]->enter());
    const nanoseconds lasted = lasts(index);
    endings.push({now + lasted, lasted, worker, index});
  }
  end_until(clock::Monotonic::max());
  return out;
}

// Peers are picked by their weights, within 1 %: idle ones, or such as keep what they get.
inline void check_shares(std::unique_ptr<Balancer> (*make)(std::uint32_t), bool idle) {
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint32_t> weights(1 + random() % 50);
    for (auto& weight : weights) {
      weight = round == 0 ? 1 : static_cast<std::uint32_t>(1 + random() % 100);
    }
    const Field field(weights);
    const auto balancer = make(static_cast<std::uint32_t>(round));
    balancer->renew(field.roster);
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0u);
    std::vector<std::uint32_t> picked(weights.size());
    std::vector<InFlight> kept;
    for (std::uint32_t pick = 0; pick < sum * 100; ++pick) {
      const std::size_t index = field.pick(*balancer);
      ++picked[index];
      REQUIRE(field.peers[index]->enter());
      kept.emplace_back(*field.peers[index]);
      if (idle) kept.clear();
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      CHECK(picked[i] == doctest::Approx(weights[i] * 100).epsilon(0.01));
    }
  }
}

}  // namespace weir::test
