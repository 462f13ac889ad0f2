#include <doctest/doctest.h>

#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "field.h"
#include "upstream/group.h"
#include "upstream/peer_picker.h"
#include "upstream/round_robin.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

conf::UpstreamConf conf_of(int count) {
  conf::UpstreamConf conf;
  conf.name = "origins";
  conf.keepalive.value = 4;
  conf.keepalive_timeout.value = 60s;
  for (int i = 0; i < count; ++i) {
    conf.peers.push_back(peer_conf(static_cast<std::size_t>(i)));
  }
  return conf;
}

}  // namespace

TEST_CASE("peer: it is known by address and by URL") {
  const Peer peer(0, peer_conf(0), "group", "http", {});
  CHECK(peer.name() == "127.0.0.1:8000");
  CHECK(peer.url() == "http://127.0.0.1:8000");
}

TEST_CASE("peer: no more requests in flight than max_conns, over all workers") {
  auto zones = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = 16});
  REQUIRE(zones);
  const auto one = (*zones)->claim(shm::Role::worker, 1, 1);
  const auto two = (*zones)->claim(shm::Role::worker, 1, 1);
  conf::PeerConf conf = peer_conf(0);
  conf.options.max_conns = 3;
  Peer mine(0, conf, "group", "http", {&(*zones)->peers, *one});
  Peer theirs(0, conf, "group", "http", {&(*zones)->peers, *two});
  REQUIRE(mine.enter());
  REQUIRE(mine.enter());
  REQUIRE(theirs.enter());
  CHECK_FALSE(theirs.has_room());
  CHECK_FALSE(theirs.enter());
  CHECK_FALSE(mine.enter());
  CHECK(mine.in_flight() == 3);
  mine.leave();
  CHECK(theirs.has_room());
  {
    const InFlight turn = theirs.enter() ? InFlight(theirs) : InFlight();
    CHECK(turn);
    CHECK_FALSE(mine.has_room());
  }
  CHECK(mine.has_room());
  mine.leave();
  theirs.leave();
}

TEST_CASE("tried peers: what was added is contained, at every size of group") {
  for (const std::size_t size : {1u, 63u, 64u, 65u, 128u, 1000u}) {
    TriedPeers tried;
    for (std::size_t i = 0; i < size; ++i) {
      CHECK_FALSE(tried.contains(i));
      tried.add(i);
      CHECK(tried.contains(i));
      CHECK_FALSE(tried.contains(i + 1));
    }
    CHECK(tried.count() == size);
  }
}

TEST_CASE("round robin: each peer in turn") {
  const Field field({1, 1, 1});
  RoundRobin balancer(0);
  balancer.renew(field.roster);
  for (const std::size_t expected : {0u, 1u, 2u, 0u, 1u, 2u, 0u}) {
    CHECK(field.pick(balancer) == expected);
  }
}

TEST_CASE("round robin: workers begin with different peers") {
  const Field field({1, 1, 1});
  RoundRobin balancer(7);
  balancer.renew(field.roster);
  CHECK(field.pick(balancer) == 1);
}

TEST_CASE("round robin: the neighbour of a peer that may not be chosen does not carry double") {
  for (const std::uint32_t last : {1u, 2u}) {  // with equal weights and without
    const Field field({2, 2, 2, 2 * last});
    field.peers[1]->set_options({.max_conns = 1});
    REQUIRE(field.peers[1]->enter());
    RoundRobin balancer(0);
    balancer.renew(field.roster);
    auto picked = field.picks(balancer, 1200);
    const int share = last == 1 ? 400 : 300;
    CHECK(picked[0] == doctest::Approx(share).epsilon(0.01));
    CHECK(picked[1] == 0);
    CHECK(picked[2] == doctest::Approx(share).epsilon(0.01));
    CHECK(picked[3] == doctest::Approx(share * static_cast<int>(last)).epsilon(0.01));
    field.peers[1]->leave();
  }
}

TEST_CASE("round robin: turns are as the weights, and smooth") {
  const Field field({5, 1, 1, 3});
  RoundRobin balancer(0);
  balancer.renew(field.roster);
  const auto picked = field.picks(balancer, 1000);
  CHECK(picked == std::map<std::size_t, int>{{0, 500}, {1, 100}, {2, 100}, {3, 300}});
  int in_a_row = 0, longest = 0;
  for (int i = 0; i < 1000; ++i) {
    in_a_row = field.pick(balancer) == 0 ? in_a_row + 1 : 0;
    longest = std::max(longest, in_a_row);
  }
  CHECK(longest <= 2);
}

TEST_CASE("round robin: who could not be chosen for a while is not stormed when it can") {
  const Field field({2, 1});
  field.peers[0]->set_options({.max_conns = 1});
  RoundRobin balancer(0);
  balancer.renew(field.roster);
  REQUIRE(field.peers[0]->enter());
  CHECK(field.picks(balancer, 100) == std::map<std::size_t, int>{{1, 100}});
  field.peers[0]->leave();
  CHECK(field.picks(balancer, 30)[0] <= 21);
}

TEST_CASE("round robin: distribution is within 1 % of the weights, whatever they are") {
  std::mt19937 random(4);
  const auto below = [&](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
  };
  for (int round = 0; round < 30; ++round) {
    std::vector<std::uint32_t> weights(1 + below(50));
    for (auto& weight : weights) weight = 1 + below(100);
    const Field field(weights);
    RoundRobin balancer(below(1000));
    balancer.renew(field.roster);
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0u);
    auto picked = field.picks(balancer, static_cast<int>(sum * 100));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      CHECK(picked[i] == doctest::Approx(weights[i] * 100).epsilon(0.01));
    }
  }
}

TEST_CASE("round robin: nobody is left when all were tried, and an empty roster has nobody") {
  const Field field({1, 2}), none({});
  TriedPeers tried;
  tried.add(0);
  tried.add(1);
  RoundRobin balancer(0);
  balancer.renew(field.roster);
  CHECK(field.pick(balancer, tried) == no_peer);
  CHECK(field.pick(balancer) != no_peer);
  balancer.renew(none.roster);
  CHECK(none.pick(balancer) == no_peer);
}

TEST_CASE("fail-over: each peer once, those that are shunned last, then nobody") {
  clock::refresh();
  Loop loop;
  const auto conf = conf_of(4);
  Group group(loop, conf, nullptr);
  group.connect_failed(*group.peers()[0], {Side::upstream, "refused"});
  group.connect_failed(*group.peers()[2], {Side::upstream, "refused"});
  PeerPicker picker(group, 0);
  for (const std::size_t expected : {1u, 3u, 0u, 2u}) {
    CHECK(picker.next().in_flight.peer() == group.peers()[expected].get());
  }
  CHECK_FALSE(picker.next().in_flight);
  CHECK(picker.next().nobody == Group::Nobody::left);
}

TEST_CASE("fail-over: with 4 of 10 peers open, each of 1,000 requests finds one of them") {
  clock::refresh();
  Loop loop;
  const auto conf = conf_of(10);
  Group group(loop, conf, nullptr);
  const auto open = [&](const Peer* peer) { return peer->address().port() % 10 >= 6; };
  std::map<const Peer*, int> served;
  int refusals = 0;
  for (int request = 0; request < 1000; ++request) {
    PeerPicker picker(group, 0);
    Peer* peer = picker.next().in_flight.peer();
    while (peer != nullptr && !open(peer)) {
      group.connect_failed(*peer, {Side::upstream, "refused"});
      ++refusals;
      peer = picker.next().in_flight.peer();
    }
    REQUIRE(peer != nullptr);
    group.connected(*peer);
    ++served[peer];
  }
  CHECK(refusals == 6);  // no time passed: each dead one was asked once
  CHECK(served.size() == 4);
  for (const auto& [peer, count] : served) CHECK(count == doctest::Approx(250).epsilon(0.01));
}

TEST_CASE("fail-over: a peer that connects again is welcome at once") {
  clock::refresh();
  Loop loop;
  const auto conf = conf_of(2);
  Group group(loop, conf, nullptr);
  group.connect_failed(*group.peers()[0], {Side::upstream, "refused"});
  CHECK(group.peers()[0]->shunned(clock::now()));
  group.connected(*group.peers()[0]);
  CHECK_FALSE(group.peers()[0]->shunned(clock::now()));
}

TEST_CASE("fail-over: a try may use half of the time that is left, the last one all of it") {
  clock::refresh();
  Loop loop;
  const auto conf = conf_of(3);
  Group group(loop, conf, nullptr);
  PeerPicker picker(group, 0);
  REQUIRE(picker.next().in_flight);
  CHECK(picker.share_of(1000ms) == 500ms);
  REQUIRE(picker.next().in_flight);
  CHECK(picker.share_of(1000ms) == 500ms);
  REQUIRE(picker.next().in_flight);
  CHECK(picker.share_of(1000ms) == 1000ms);
}
