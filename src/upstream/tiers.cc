#include "upstream/tiers.h"

#include <algorithm>

namespace weir {
namespace {

using std::chrono::nanoseconds;

clock::Monotonic time_of(std::int64_t ns) { return clock::Monotonic(nanoseconds(ns)); }

struct Verdict {
  Tier tier = Tier::unfit;
  bool out = false;  // in no tier
};

bool is_ejected(const Peer& peer, clock::Monotonic now) {
  return now < time_of(peer.cell().ejected_until_ns.load(std::memory_order_relaxed));
}

// Its agent has said 0 %, which is as good as drain (HAProxy takes it so).
bool has_no_share(const shm::PeerWord& word) { return word.share == 1; }

Verdict judge(const Peer& peer, const shm::PeerWord& word, const conf::UpstreamConf& conf,
              clock::Monotonic now, bool checks_are_stale) {
  const bool checked =
      conf.health_check->kind != conf::HealthCheckConf::Kind::off && !checks_are_stale;
  const conf::PeerOptions& options = peer.options();
  if (word.order != shm::Order::none || options.down || options.drain) return {.out = true};
  if (word.said != shm::Said::ready || has_no_share(word)) return {.out = true};
  if (word.said_down || is_ejected(peer, now)) return {Tier::unfit};
  const bool unprobed = checked && word.health == shm::Health::not_initiated && !word.probed;
  if (checked && !unprobed && word.health != shm::Health::healthy) return {Tier::unfit};
  if (peer.shunned(now)) return {Tier::shunned};
  if (unprobed) return {Tier::unprobed};
  return {options.backup || word.backup ? Tier::backup : Tier::fit};
}

// A peer that came back begins with a part of its weight, which grows evenly. `next`: when it has
// grown by a step.
std::uint32_t weight_now(const Peer& peer, const shm::PeerWord& word, clock::Monotonic now,
                         clock::Monotonic& next) {
  std::uint32_t full = peer.weight(word) * Roster::weight_unit;
  if (word.share != 0) full = std::max<std::uint32_t>(full * (word.share - 1U) / 100, 1);
  const std::int64_t began_ns = peer.cell().slow_start_ns.load(std::memory_order_relaxed);
  const nanoseconds lasts = peer.options().slow_start;
  if (began_ns == 0 || lasts.count() == 0) return full;
  const nanoseconds passed = now - time_of(began_ns);
  if (passed >= lasts) return full;
  next = std::min(next, now + lasts / Roster::weight_unit);
  const auto part = static_cast<std::uint64_t>(std::max(passed.count(), std::int64_t{0})) * full /
                    static_cast<std::uint64_t>(lasts.count());
  return std::max<std::uint32_t>(static_cast<std::uint32_t>(part), 1);
}

}  // namespace

void Tiers::renew(const Peers& peers, clock::Monotonic now, bool checks_are_stale) {
  look_again_ = clock::Monotonic::max();
  for (Roster& roster : next_) roster.clear();
  for (const auto& peer : peers) {
    peer->take_limits();
    const shm::PeerWord word = peer->word();
    if (!peer->is_static() && !word.discovered) continue;
    const Verdict verdict = judge(*peer, word, conf_, now, checks_are_stale);
    if (verdict.out) continue;
    if (peer->shunned(now)) look_again_ = std::min(look_again_, peer->shunned_until());
    if (is_ejected(*peer, now)) {
      look_again_ = std::min(look_again_, time_of(peer->cell().ejected_until_ns.load()));
    }
    next_[static_cast<std::size_t>(verdict.tier)].add(*peer,
                                                      weight_now(*peer, word, now, look_again_));
  }
  for (std::size_t i = 0; i < tier_count; ++i) {
    Place& place = places_[i];
    if (place.roster == next_[i]) continue;
    std::swap(place.roster, next_[i]);
    if (place.balancer == nullptr) place.balancer = make_balancer(conf_, seed_);
    place.balancer->renew(place.roster);
  }
}

bool Tiers::all_down() const {
  return std::all_of(places_.begin(), places_.end() - 1,
                     [](const Place& place) { return place.roster.size() == 0; });
}

Tiers::Picked Tiers::pick(const TriedPeers& tried, std::uint64_t key, clock::Monotonic now) {
  Picked picked;
  for (std::size_t i = 0; i < tier_count; ++i) {
    Place& place = places_[i];
    if (place.roster.size() == 0) continue;
    const bool unfit = i == static_cast<std::size_t>(Tier::unfit);
    if (unfit && (*conf_.when_all_down == conf::WhenAllDown::fail || !all_down())) break;
    const Choice choice(place.roster, tried, key, now);
    const std::size_t index = place.balancer->pick(choice);
    if (index != no_peer) {
      picked.peer = place.roster.peers[index];
      return picked;
    }
    picked.busy = picked.busy || choice.met_busy();
    // Who is merely busy will have room again: no reason to turn to those that may be broken.
    if (picked.busy && i >= static_cast<std::size_t>(Tier::backup)) break;
  }
  return picked;
}

bool Tiers::takes_bound(const Peer& peer, const conf::UpstreamConf& conf, clock::Monotonic now,
                        bool checks_are_stale) {
  shm::PeerWord word = peer.word();
  if (!peer.is_static() && !word.discovered) return false;
  if (word.order == shm::Order::disabled || word.order == shm::Order::removed ||
      word.said == shm::Said::maintenance || word.said_down || peer.options().down) {
    return false;
  }
  word.order = shm::Order::none;
  if (is_ejected(peer, now) || peer.shunned(now)) return false;
  const bool checked =
      conf.health_check->kind != conf::HealthCheckConf::Kind::off && !checks_are_stale;
  return !checked || word.health == shm::Health::healthy || !word.probed;
}

}  // namespace weir
