#include "upstream/least_load.h"

#include "simulation.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr auto interval = 5s;

std::unique_ptr<Balancer> make(std::uint32_t seed) {
  return std::make_unique<LeastLoad>(seed, interval);
}

void say(Shared& shared, const Peer& peer, double load, clock::Monotonic now) {
  shm::PeerCell& cell = shared.zones->peers.cell(peer.cell_index());
  cell.load = static_cast<std::uint64_t>(load * 65535);
  cell.load_ns = now.time_since_epoch().count();
}

double said(const Peer& peer) { return static_cast<double>(peer.cell().load.load()) / 65535; }

// Each peer tells its load every so often, none at the same time as another: what it has of its own
// to do, and more for each request of ours.
struct Reports final : World {
  double cost(const Peer& peer, std::uint64_t in_flight, clock::Monotonic) override {
    return static_cast<double>(in_flight + 1) / ((1 - said(peer)) * peer.options().weight);
  }
  void pass(Shared& shared, const Field& field, clock::Monotonic now) override {
    const std::size_t size = field.peers.size();
    if (next == 0) {
      began = now;
      for (const auto& peer : field.peers) say(shared, *peer, load_of(*peer), now);
      next = size;
    }
    for (; began + next * interval / size < now; ++next) {
      say(shared, *field.peers[next % size], load_of(*field.peers[next % size]), now);
    }
  }
  static double load_of(const Peer& peer) {
    const auto own = static_cast<double>(peer.number() % 7) / 10;
    return std::min(own + static_cast<double>(peer.in_flight()) / 100, 0.95);
  }
  std::size_t next = 0;
  clock::Monotonic began{};
};

}  // namespace

TEST_CASE("least load: peers that say nothing have requests within 1 % of their weights") {
  check_shares(make, false);
}

TEST_CASE("least load: a peer gets as much as is left of it, for its weight") {
  Shared shared;
  const Field field({1, 1, 2}, shared.worker());
  const clock::Monotonic now{1h};
  say(shared, *field.peers[0], 0.5, now);
  say(shared, *field.peers[1], 0, now);
  say(shared, *field.peers[2], 0.75, now);
  LeastLoad balancer(0, interval);
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t index = field.pick(balancer, {}, 0, now);
    REQUIRE(field.peers[index]->enter());
    requests.emplace_back(*field.peers[index]);
  }
  for (const std::size_t i : {0u, 1u, 2u}) {
    CHECK(field.peers[i]->own_in_flight() == doctest::Approx(i == 1 ? 1000 : 500).epsilon(0.01));
  }
}

TEST_CASE("least load: four workers choose within 5 % of one that knows everything") {
  for (const Simulation& plan :
       {Simulation{}, Simulation{.weighted = true}, Simulation{.peers = 1000, .requests = 10'000},
        Simulation{.peers = 10, .per_second = 20'000, .service = 2ms, .requests = 60'000}}) {
    CAPTURE(plan.peers);
    CAPTURE(plan.weighted);
    Reports world;
    const Outcome outcome = simulate(plan, make, world);
    MESSAGE("ratio ", outcome.ratio());
    CHECK(outcome.ratio() < 1.05);
  }
}
