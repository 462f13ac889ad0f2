#include "upstream/least_time.h"

#include "simulation.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Balancer> make(std::uint32_t seed) {
  return balancer_of(conf::Balance::least_time, seed);
}

// The latencies that all workers have found, as they are now.
struct Latencies final : World {
  double cost(const Peer& peer, std::uint64_t in_flight, clock::Monotonic now) override {
    latency::Combined all;
    const PeerPlace& place = peer.place();
    place.table->for_each_slot([&](std::uint32_t slot) {
      const shm::PeerRow& row = place.table->row(slot, peer.cell_index());
      all.add(row.ewma_us.get(),
              now.time_since_epoch().count() - static_cast<std::int64_t>(row.ewma_ns.get()));
    });
    REQUIRE(all.us() > 0);
    return static_cast<double>(all.us()) * static_cast<double>(in_flight + 1) /
           peer.options().weight;
  }
  void pass(Shared&, const Field& field, clock::Monotonic now) override {
    if (known) return;
    for (const auto& peer : field.peers) peer->answered(10ms, 200, now);
    known = true;
  }
  void answered(Peer& peer, std::chrono::nanoseconds after, clock::Monotonic now) override {
    peer.answered(std::chrono::duration_cast<std::chrono::microseconds>(after), 200, now);
  }
  bool known = false;  // all are; what a stranger costs is no matter of precision
};

}  // namespace

TEST_CASE("least time: peers of one speed have requests in flight within 1 % of their weights") {
  check_shares(make, false);
}

TEST_CASE("least time: the quick one gets more, by as much as it is quicker") {
  const Field field({1, 1});
  LeastTime balancer(0);
  const clock::Monotonic now{1h};
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(field.peers[i]->enter());
    field.peers[i]->leave();
    field.peers[i]->answered(i == 0 ? 3000us : 1000us, 200, now);
  }
  balancer.renew(field.roster);
  std::vector<InFlight> requests;
  for (int i = 0; i < 400; ++i) {
    const std::size_t index = field.pick(balancer, {}, 0, now);
    REQUIRE(field.peers[index]->enter());
    requests.emplace_back(*field.peers[index]);
  }
  CHECK(field.peers[0]->own_in_flight() == doctest::Approx(100).epsilon(0.01));
  CHECK(field.peers[1]->own_in_flight() == doctest::Approx(300).epsilon(0.01));
}

TEST_CASE("least time: an answer of this worker counts at once, in the same roster") {
  const Field field({1, 1});
  LeastTime balancer(0);
  clock::Monotonic now{1h};
  for (const auto& peer : field.peers) peer->answered(1000us, 200, now);
  balancer.renew(field.roster);
  const std::size_t first = field.pick(balancer, {}, 0, now);
  field.peers[1 - first]->answered(5000us, 200, now);
  for (int i = 0; i < 10; ++i) CHECK(field.pick(balancer, {}, 0, now) == first);
}

TEST_CASE("least time: four workers choose within 5 % of one that knows everything") {
  for (const Simulation& plan :
       {Simulation{}, Simulation{.even = true}, Simulation{.weighted = true, .even = true},
        Simulation{.peers = 1000, .per_second = 80'000, .requests = 10'000, .even = true},
        Simulation{.peers = 10, .per_second = 20'000, .service = 2ms, .even = true}}) {
    CAPTURE(plan.peers);
    CAPTURE(plan.weighted);
    CAPTURE(plan.even);
    Latencies world;
    const Outcome outcome = simulate(plan, make, world);
    MESSAGE("ratio ", outcome.ratio());
    CHECK(outcome.ratio() < 1.05);
  }
}
