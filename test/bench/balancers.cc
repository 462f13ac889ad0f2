// What one choice of a peer costs: nanoseconds per pick for each way to choose, at 10, 100 and
// 1,000 peers shared with three other workers, each with requests in flight. The least of some
// rounds, as the machine is not alone; time passes as fast as picks, so what is refreshed with time
// counts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <string_view>

#include "base/hash.h"
#include "shm/zones.h"
#include "upstream/tiers.h"

using namespace weir;

namespace {

constexpr int workers = 4, rounds = 15;
constexpr std::size_t sizes[] = {10, 100, 1000};
constexpr std::size_t in_flight_per_peer = 2;

struct Way {
  std::string_view name;
  conf::Balance kind;
  std::uint32_t bounded_load = 0;
  bool weights = false;
};
constexpr Way ways[] = {
    {"round_robin", conf::Balance::round_robin},
    {"round_robin, weights", conf::Balance::round_robin, 0, true},
    {"random two", conf::Balance::random},
    {"first", conf::Balance::first},
    {"ip_hash", conf::Balance::ip_hash},
    {"hash", conf::Balance::hash},
    {"hash, bounded load", conf::Balance::hash, 125},
    {"least_conn", conf::Balance::least_conn},
    {"least_conn, weights", conf::Balance::least_conn, 0, true},
    {"least_time", conf::Balance::least_time},
    {"least_load", conf::Balance::least_load},
};

std::unique_ptr<shm::Zones> make_zones(std::size_t peers) {
  auto zones =
      shm::Zones::create({.peers = static_cast<std::uint32_t>(std::max<std::size_t>(peers, 16))});
  if (!zones) std::abort();
  return std::move(*zones);
}

// The picks of one way among so many peers, each followed by a request that begins and one, long
// before, that ends.
double nanoseconds_per_pick(const Way& way, std::size_t size) {
  const auto zones = make_zones(size);
  conf::UpstreamConf conf;
  conf.balance.value.kind = way.kind;
  conf.balance.value.bounded_load = way.bounded_load;
  const auto balancer = make_balancer(conf, 1);
  std::vector<Peers> of_worker(workers);
  for (Peers& peers : of_worker) {
    const auto slot = zones->claim(shm::Role::worker, 1, 1);
    if (!slot) std::abort();
    for (std::size_t i = 0; i < size; ++i) {
      conf::PeerConf peer;
      peer.address = *Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(10'000 + i));
      if (way.weights) peer.options.weight = static_cast<std::uint32_t>(1 + i % 7);
      peers.push_back(
          std::make_unique<Peer>(i, peer, "group", "http", PeerPlace{&zones->peers, *slot}));
      for (std::size_t busy = 0; busy < i % in_flight_per_peer; ++busy) {
        if (!peers.back()->enter()) std::abort();
      }
      peers.back()->answered(std::chrono::microseconds(500 + i % 97), 200);
    }
  }
  Roster roster;
  for (const auto& peer : of_worker[0]) {
    roster.add(*peer, peer->options().weight * Roster::weight_unit);
  }
  balancer->renew(roster);
  const TriedPeers tried;
  const std::size_t picks = way.kind == conf::Balance::round_robin ? 100'000 : 20'000;
  std::deque<Peer*> open;
  clock::Monotonic now = clock::now();
  double best = 1e9;
  std::uint64_t key = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < picks; ++i) {
      now += std::chrono::microseconds(50);  // 20,000 requests a second
      key = mix64(key + 1);
      const std::size_t index = balancer->pick(Choice(roster, tried, key, now));
      if (index == no_peer) std::abort();
      Peer* const peer = roster.peers[index];
      if (!peer->enter()) std::abort();
      open.push_back(peer);
      if (open.size() > size) {
        open.front()->leave();
        open.pop_front();
      }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    best = std::min(best, took.count() / static_cast<double>(picks));
  }
  for (Peer* peer : open) peer->leave();
  for (const Peers& peers : of_worker) {
    for (std::size_t i = 0; i < size; ++i) {
      while (peers[i]->own_in_flight() != 0) peers[i]->leave();
    }
  }
  return best;
}

}  // namespace

int main() {
  clock::refresh();
  fmt::print("{:<24}{:>12}{:>12}{:>12}\n", "ns per pick, peers:", sizes[0], sizes[1], sizes[2]);
  for (const Way& way : ways) {
    fmt::print("{:<24}", way.name);
    for (const std::size_t size : sizes) fmt::print("{:>12.0f}", nanoseconds_per_pick(way, size));
    fmt::print("\n");
    std::fflush(stdout);
  }
  return 0;
}
