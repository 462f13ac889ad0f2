#include <doctest/doctest.h>

#include <map>

#include "upstream/group.h"
#include "upstream/peer_picker.h"
#include "upstream/round_robin.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

Peers make_peers(int count) {
  Peers peers;
  for (int i = 0; i < count; ++i) {
    const auto address = Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(8000 + i));
    peers.push_back(std::make_unique<Peer>(*address, "127.0.0.1", "http"));
  }
  return peers;
}

conf::UpstreamConf conf_of(int count) {
  conf::UpstreamConf conf;
  conf.name = "origins";
  conf.keepalive.value = 4;
  conf.keepalive_timeout.value = 60s;
  for (int i = 0; i < count; ++i) {
    conf::PeerConf peer;
    peer.address = *Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(8000 + i));
    peer.host = "127.0.0.1";
    conf.peers.push_back(peer);
  }
  return conf;
}

}  // namespace

TEST_CASE("peer: it is known by address and by URL") {
  const auto peers = make_peers(1);
  CHECK(peers[0]->name() == "127.0.0.1:8000");
  CHECK(peers[0]->url() == "http://127.0.0.1:8000");
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
  const auto peers = make_peers(3);
  RoundRobin balancer;
  const TriedPeers nobody;
  const Candidates all(peers, nobody, {}, false);
  for (const std::size_t expected : {0u, 1u, 2u, 0u, 1u, 2u, 0u}) {
    CHECK(balancer.pick(all) == expected);
  }
}

TEST_CASE("round robin: the neighbour of a shunned peer does not carry double") {
  const auto peers = make_peers(4);
  const auto now = clock::Monotonic(100s);
  peers[1]->shun_until(now + 1s);
  RoundRobin balancer;
  const TriedPeers nobody;
  const Candidates all(peers, nobody, now, false);
  std::map<std::size_t, int> picked;
  for (int i = 0; i < 300; ++i) ++picked[balancer.pick(all)];
  CHECK(picked == std::map<std::size_t, int>{{0, 100}, {2, 100}, {3, 100}});
}

TEST_CASE("round robin: nobody is left when all were tried, and an empty group has nobody") {
  const auto peers = make_peers(2);
  RoundRobin balancer;
  TriedPeers tried;
  tried.add(0);
  tried.add(1);
  CHECK(balancer.pick(Candidates(peers, tried, {}, true)) == no_peer);
  const Peers none;
  CHECK(balancer.pick(Candidates(none, TriedPeers(), {}, true)) == no_peer);
}

TEST_CASE("shunning ends by itself") {
  const auto peers = make_peers(2);
  const auto now = clock::Monotonic(100s);
  peers[0]->shun_until(now + 1s);
  const TriedPeers nobody;
  CHECK_FALSE(Candidates(peers, nobody, now, false).usable(0));
  CHECK_FALSE(Candidates(peers, nobody, now + 999ms, false).usable(0));
  CHECK(Candidates(peers, nobody, now + 1s, false).usable(0));
  CHECK(Candidates(peers, nobody, now, true).usable(0));
}

TEST_CASE("fail-over: each peer once, those that are shunned last, then nobody") {
  clock::refresh();
  Loop loop;
  const auto conf = conf_of(4);
  Group group(loop, conf, nullptr);
  group.connect_failed(*group.peers()[0], {Side::upstream, "refused"});
  group.connect_failed(*group.peers()[2], {Side::upstream, "refused"});
  PeerPicker picker(group);
  CHECK(picker.next() == group.peers()[1].get());
  CHECK(picker.next() == group.peers()[3].get());
  CHECK(picker.next() == group.peers()[0].get());
  CHECK(picker.next() == group.peers()[2].get());
  CHECK(picker.next() == nullptr);
  CHECK(picker.next() == nullptr);
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
    PeerPicker picker(group);
    Peer* peer = picker.next();
    while (peer != nullptr && !open(peer)) {
      group.connect_failed(*peer, {Side::upstream, "refused"});
      ++refusals;
      peer = picker.next();
    }
    REQUIRE(peer != nullptr);
    group.connected(*peer);
    ++served[peer];
  }
  CHECK(refusals == 6);  // no time passed: each dead one was asked once
  CHECK(served.size() == 4);
  for (const auto& [peer, count] : served) CHECK(count == 250);
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
  PeerPicker picker(group);
  REQUIRE(picker.next() != nullptr);
  CHECK(picker.share_of(1000ms) == 500ms);
  REQUIRE(picker.next() != nullptr);
  CHECK(picker.share_of(1000ms) == 500ms);
  REQUIRE(picker.next() != nullptr);
  CHECK(picker.share_of(1000ms) == 1000ms);
}
