// Peers to choose from: of given weights, all fit, alone or as several workers share them.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "shm/zones.h"
#include "upstream/balancer.h"
#include "upstream/tiers.h"

namespace weir::test {

inline conf::PeerConf peer_conf(std::size_t number, std::uint32_t weight = 1) {
  conf::PeerConf peer;
  peer.address = *Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(8000 + number));
  peer.host = "127.0.0.1";
  peer.options.weight = weight;
  return peer;
}

struct Field {
  explicit Field(const std::vector<std::uint32_t>& weights, const PeerPlace& place = {}) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      peers.push_back(std::make_unique<Peer>(i, peer_conf(i, weights[i]), "group", "http", place));
      roster.add(*peers.back(), weights[i] * Roster::weight_unit);
    }
  }
  std::size_t pick(Balancer& balancer, const TriedPeers& tried = {}, std::uint64_t key = 0,
                   clock::Monotonic now = {}) const {
    return balancer.pick(Choice(roster, tried, key, now));
  }
  std::map<std::size_t, int> picks(Balancer& balancer, int count) const {
    std::map<std::size_t, int> picked;
    for (int i = 0; i < count; ++i) ++picked[pick(balancer)];
    return picked;
  }
  // The roster without one of the peers.
  Roster without(std::size_t index) const {
    Roster rest;
    for (std::size_t i = 0; i < roster.size(); ++i) {
      if (i != index) rest.add(*roster.peers[i], roster.weights[i]);
    }
    return rest;
  }
  Peers peers;
  Roster roster;
};

// What several workers share.
struct Shared {
  explicit Shared(std::uint32_t peers = 16) {
    auto made = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = peers});
    REQUIRE(made);
    zones = std::move(*made);
  }
  PeerPlace worker() {
    const auto slot = zones->claim(shm::Role::worker, 1, 1);
    REQUIRE(slot);
    return {&zones->peers, *slot};
  }
  std::unique_ptr<shm::Zones> zones;
};

inline std::unique_ptr<Balancer> balancer_of(conf::Balance kind, std::uint32_t seed = 0,
                                             std::uint32_t bounded_load = 0) {
  conf::UpstreamConf conf;
  conf.balance.value.kind = kind;
  conf.balance.value.bounded_load = bounded_load;
  return make_balancer(conf, seed);
}

}  // namespace weir::test
