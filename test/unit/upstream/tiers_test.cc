#include "upstream/tiers.h"

#include "field.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Two peers, one of which came back at `began`; time passes as it is told to.
struct Comeback {
  Comeback(clock::Monotonic::duration lasts, std::uint32_t weight) : shared(16) {
    conf.balance.value.kind = conf::Balance::round_robin;
    const PeerPlace place = shared.worker();
    for (std::size_t i = 0; i < 2; ++i) {
      conf::PeerConf peer = peer_conf(i, weight);
      peer.options.slow_start = std::chrono::duration_cast<std::chrono::milliseconds>(lasts);
      peers.push_back(std::make_unique<Peer>(i, peer, "group", "http", place));
    }
    shared.zones->peers.cell(peers[0]->cell_index()).slow_start_ns =
        began.time_since_epoch().count();
  }
  // Of the first, in units of its full weight.
  double weight_at(clock::Monotonic now) {
    tiers.renew(peers, now, false);
    const Roster& fit = tiers.roster(Tier::fit);
    REQUIRE(fit.size() == 2);
    REQUIRE(fit.peers[0] == peers[0].get());
    return static_cast<double>(fit.weights[0]) / fit.weights[1];
  }
  // Of so many requests, how many it gets.
  int served_of(int requests, clock::Monotonic now) {
    int served = 0;
    for (int i = 0; i < requests; ++i) served += tiers.pick({}, 0, now).peer == peers[0].get();
    return served;
  }

  const clock::Monotonic began{1h};
  Shared shared;
  conf::UpstreamConf conf;
  Peers peers;
  Tiers tiers{conf, 0};
};

}  // namespace

TEST_CASE("slow start: the weight of who came back grows evenly, until it has all of it") {
  for (const std::uint32_t weight : {1u, 3u, 100u}) {
    CAPTURE(weight);
    Comeback scene(10s, weight);
    const double step = 1.0 / (weight * Roster::weight_unit);
    CHECK(scene.weight_at(scene.began) == doctest::Approx(step));  // never nothing
    for (int tenth = 1; tenth < 10; ++tenth) {
      CHECK(std::abs(scene.weight_at(scene.began + tenth * 1s) - tenth / 10.0) <= step);
    }
    CHECK(scene.weight_at(scene.began + 10s) == 1);
    CHECK(scene.weight_at(scene.began + 1h) == 1);
  }
}

TEST_CASE("slow start: time makes another look due for each step of the weight, then no more") {
  Comeback scene(64s, 1);
  clock::Monotonic now = scene.began;
  double last = 0;
  int looks = 0;
  for (;; ++looks) {
    const double weight = scene.weight_at(now);
    CHECK((weight > last || looks == 1));  // the least weight is also that of the first step
    last = weight;
    if (scene.tiers.look_again() == clock::Monotonic::max()) break;
    REQUIRE(scene.tiers.look_again() > now);
    now = scene.tiers.look_again();
    REQUIRE(looks < 100);
  }
  CHECK(looks == 64);
  CHECK(last == 1);
  CHECK(now == scene.began + 64s);
}

TEST_CASE("slow start: requests follow the weight") {
  Comeback scene(100s, 1);
  for (const int part : {0, 25, 50, 75, 100}) {
    CAPTURE(part);
    const clock::Monotonic now = scene.began + part * 1s;
    const double weight = scene.weight_at(now);
    CHECK(scene.served_of(10'000, now) ==
          doctest::Approx(10'000 * weight / (1 + weight)).epsilon(0.01));
  }
}

TEST_CASE("slow start: who never was away, or has none, has its weight at once") {
  Comeback none(0s, 5);
  CHECK(none.weight_at(none.began) == 1);
  Comeback always(10s, 5);
  always.shared.zones->peers.cell(always.peers[0]->cell_index()).slow_start_ns = 0;
  CHECK(always.weight_at(always.began) == 1);
  CHECK(always.tiers.look_again() == clock::Monotonic::max());
}
