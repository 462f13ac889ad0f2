// PeerPicker: the peers one exchange tries, one after the other: each at most once, in the order of
// the group's tiers, all within one time limit.
//
// The limit (proxy_connect_timeout) counts from the first pick and holds for connecting only: TCP
// and TLS of all tries together. A try may use half of what is left while other peers are untried,
// and all of it when it is the last, so that a peer behind a black hole doesn't take the others'
// time too.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "upstream/group.h"

namespace weir {

class PeerPicker {
 public:
  // `key`: of balance = hash and ip_hash.
  PeerPicker(Group& group, std::uint64_t key) : group_(&group), key_(key) {}

  Group::Picked next();
  std::size_t tried() const { return tried_.count(); }

  // What a try that starts now may use of the whole `limit`; zero: the time is up.
  std::chrono::milliseconds share_of(std::chrono::milliseconds limit) const;

 private:
  Group* group_;
  std::uint64_t key_;
  TriedPeers tried_;
  clock::Monotonic first_{};
};

}  // namespace weir
