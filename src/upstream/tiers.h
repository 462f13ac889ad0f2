// Tiers: the peers of a group in the order in which they are resorted to. Who is fit is decided
// here and nowhere else; a tier is looked at only when those before it have nobody left.
//
//   fit        healthy (or nothing is known against it), not ejected, not shunned by this worker
//   backup     the same, of those marked so
//   unprobed   its health is to be checked and no check has ended yet
//   shunned    a connection of this worker failed a moment ago, nothing else is against it
//   unfit      all others but those that are disabled; only where the tiers above are empty, and by
//              `when_all_down = try`
//
// Drained peers are in no tier: only who is bound to them (sticky) still gets there.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "conf/model.h"
#include "upstream/balancer.h"

namespace weir {

using Peers = std::vector<std::unique_ptr<Peer>>;

enum class Tier : std::uint8_t { fit, backup, unprobed, shunned, unfit };
inline constexpr std::size_t tier_count = 5;

class Tiers {
 public:
  Tiers(const conf::UpstreamConf& conf, std::uint32_t seed) : conf_(conf), seed_(seed) {}

  // Looks at all peers. `checks_are_stale`: nobody probes any more, so what probes found is void.
  void renew(const Peers& peers, clock::Monotonic now, bool checks_are_stale);
  // When time alone makes another look necessary: a shunning or an ejection ends, a weight grows.
  clock::Monotonic look_again() const { return look_again_; }

  const Roster& roster(Tier tier) const { return at(tier).roster; }
  bool all_down() const;  // nobody but those that are unfit

  struct Picked {
    Peer* peer = nullptr;
    bool busy = false;  // nobody, but somebody is fit and at its max_conns
  };
  Picked pick(const TriedPeers& tried, std::uint64_t key, clock::Monotonic now);

  // Whether a client that is bound to the peer may still be sent there.
  static bool takes_bound(const Peer& peer, const conf::UpstreamConf& conf, clock::Monotonic now,
                          bool checks_are_stale);

 private:
  struct Place {
    Roster roster;
    std::unique_ptr<Balancer> balancer;
  };
  const Place& at(Tier tier) const { return places_[static_cast<std::size_t>(tier)]; }

  const conf::UpstreamConf& conf_;
  std::uint32_t seed_;
  std::array<Place, tier_count> places_;
  std::array<Roster, tier_count> next_;  // while renew() makes them
  clock::Monotonic look_again_ = clock::Monotonic::max();
};

}  // namespace weir
