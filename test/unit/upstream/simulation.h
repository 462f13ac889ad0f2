// Requests that come and go at peers, through several workers that share what is in flight, in
// simulated time. Each choice is compared with that of somebody who knows everything: the cost of
// the peer that was picked with that of the best one at this moment.
#pragma once

#include <functional>
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
};

struct Outcome {
  double chosen = 0, best = 0;  // sums of costs
  std::vector<int> picks;       // of each peer
  double ratio() const { return chosen / best; }
};

// `cost(peer, in_flight)`: what the exact one minimises. `answered(field, peer, now)`: a request
// ended.
template <class Cost, class Answered>
Outcome simulate(const Simulation& plan, conf::Balance kind, Cost cost, Answered answered) {
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
    balancers.push_back(balancer_of(kind, static_cast<std::uint32_t>(i)));
    balancers.back()->renew(fields.back()->roster);
  }
  struct Ending {
    clock::Monotonic when;
    std::size_t worker, peer;
    bool operator>(const Ending& other) const { return when > other.when; }
  };
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings;
  std::exponential_distribution<double> gap(plan.per_second);
  std::exponential_distribution<double> lasts(1 / duration<double>(plan.service).count());
  const auto seconds = [](double s) { return nanoseconds(static_cast<std::int64_t>(s * 1e9)); };
  Outcome out;
  out.picks.assign(plan.peers, 0);
  clock::Monotonic now = clock::Monotonic(hours(1));
  const auto end_until = [&](clock::Monotonic when) {
    while (!endings.empty() && endings.top().when <= when) {
      const Ending ending = endings.top();
      endings.pop();
      fields[ending.worker]->peers[ending.peer]->leave();
      answered(*fields[ending.worker], ending.peer, ending.when);
    }
  };
  for (int i = 0; i < plan.requests; ++i) {
    now += seconds(gap(random));
    end_until(now);
    const std::size_t worker = random() % plan.workers;
    const Field& field = *fields[worker];
    double best = std::numeric_limits<double>::max();
    for (const auto& peer : field.peers) best = std::min(best, cost(*peer, peer->in_flight()));
    const std::size_t index = field.pick(*balancers[worker], {}, 0, now);
    REQUIRE(index != no_peer);
    // The beginning, when all are empty, says little.
    if (i > plan.requests / 4) {
      out.chosen += cost(*field.peers[index], field.peers[index]->in_flight());
      out.best += best;
      ++out.picks[index];
    }
    REQUIRE(field.peers[index]->enter());
    endings.push({now + seconds(lasts(random)), worker, index});
  }
  end_until(clock::Monotonic::max());
  return out;
}

}  // namespace weir::test
