// What one choice of a peer costs: nanoseconds per pick for each way to choose, at 10, 100 and
// 1,000 peers shared with three other workers, which begin and end requests as often as this one.
// The least of some rounds, as the machine is not alone; time passes as fast as picks, so what is
// refreshed with time counts. What the requests themselves cost is measured too, and taken off.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "shm/zones.h"
#include "upstream/tiers.h"

using namespace weir;

namespace {

constexpr int workers = 4, rounds = 15;
constexpr std::size_t sizes[] = {10, 100, 1000};

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
    {"least_time, weights", conf::Balance::least_time, 0, true},
    {"least_load", conf::Balance::least_load},
    {"least_load, weights", conf::Balance::least_load, 0, true},
};

std::unique_ptr<shm::Zones> make_zones(std::size_t peers) {
  auto zones =
      shm::Zones::create({.peers = static_cast<std::uint32_t>(std::max<std::size_t>(peers, 16))});
  if (!zones) std::abort();
  return std::move(*zones);
}

// Requests that begin and end at one worker's peers.
class Requests {
 public:
  explicit Requests(const Peers& peers) : peers_(peers) {}
  ~Requests() {
    for (Peer* peer : open_) peer->leave();
  }
  Requests& operator=(Requests&&) = delete;
  void begin(std::size_t index) {
    Peer* const peer = peers_[index].get();
    if (!peer->enter()) std::abort();
    open_.push_back(peer);
    if (open_.size() <= peers_.size()) return;
    open_.front()->leave();
    open_.pop_front();
  }

 private:
  const Peers& peers_;
  std::deque<Peer*> open_;
};

Peers make_peers(const Way& way, std::size_t size, const PeerPlace& place) {
  Peers peers;
  for (std::size_t i = 0; i < size; ++i) {
    conf::PeerConf peer;
    peer.address = *Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(10'000 + i));
    if (way.weights) peer.options.weight = static_cast<std::uint32_t>(1 + i % 7);
    peers.push_back(std::make_unique<Peer>(i, peer, "group", "http", place));
    peers.back()->answered(std::chrono::microseconds(500 + i % 97), 200);
  }
  return peers;
}

// The picks of one way among so many peers, each followed by a request that begins at each worker
// and one, long before, that ends.
double nanoseconds_per_pick(const Way& way, std::size_t size) {
  const auto zones = make_zones(size);
  conf::UpstreamConf conf;
  conf.balance.value.kind = way.kind;
  conf.balance.value.bounded_load = way.bounded_load;
  const auto balancer = make_balancer(conf, 1);
  std::vector<Peers> peers;
  std::deque<Requests> requests;
  peers.reserve(workers);
  for (int i = 0; i < workers; ++i) {
    const auto slot = zones->claim(shm::Role::worker, 1, 1);
    if (!slot) std::abort();
    peers.push_back(make_peers(way, size, PeerPlace{&zones->peers, *slot}));
    requests.emplace_back(peers.back());
  }
  Roster roster;
  for (const auto& peer : peers[0]) {
    roster.add(*peer, peer->options().weight * Roster::weight_unit);
  }
  balancer->renew(roster);
  const TriedPeers tried;
  constexpr std::size_t picks = 20'000;
  clock::Monotonic now = clock::now();
  std::uint64_t key = 0;
  const auto round = [&](auto choose) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < picks; ++i) {
      now += std::chrono::microseconds(50);  // 20,000 requests a second
      key = mix64(key + 1);
      const std::size_t index = choose();
      if (index == no_peer) std::abort();
      requests[0].begin(index);
      for (std::size_t other = 1; other < workers; ++other) {
        requests[other].begin((key >> 20 * (other - 1)) % size);
      }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    return took.count() / static_cast<double>(picks);
  };
  double best = 1e9, best_without = 1e9;
  for (int i = 0; i < rounds; ++i) {
    best_without = std::min(best_without, round([&] { return i % size; }));
    best = std::min(best, round([&] { return balancer->pick(Choice(roster, tried, key, now)); }));
  }
  return std::max(best - best_without, 0.0);
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
