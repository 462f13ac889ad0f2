// PeerPicker: the peers one exchange tries, one after the other: each at most once, those this
// worker shuns only when no other is left, all within one time limit.
//
// The limit (proxy_connect_timeout) counts from the first pick and holds for connecting only: TCP
// and TLS of all tries together. A try may use half of what is left while other peers are untried,
// and all of it when it is the last, so that a peer behind a black hole doesn't take the others'
// time too.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "upstream/balancer.h"

namespace weir {

class Group;

class PeerPicker {
 public:
  explicit PeerPicker(Group& group) : group_(&group) {}

  Peer* next();  // nullptr: each was tried
  std::size_t tried() const { return tried_.count(); }

  // What a try that starts now may use of the whole `limit`; zero: the time is up.
  std::chrono::milliseconds share_of(std::chrono::milliseconds limit) const;

 private:
  Group* group_;
  TriedPeers tried_;
  clock::Monotonic first_{};
};

}  // namespace weir
