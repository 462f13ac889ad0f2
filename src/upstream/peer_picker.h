// PeerPicker: the peers one exchange tries, one after the other, in the order of the group's tiers:
// another one while there is one that was not tried, all within one time limit.
//
// The limit (proxy_connect_timeout) holds for connecting only: TCP and TLS of all tries together. A
// try may use half of what is left while other peers are untried, and all of it when it is the
// last, so that a peer behind a black hole doesn't take the others' time too.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "upstream/group.h"

namespace weir {

class PeerPicker {
 public:
  // `key`: of balance = hash and ip_hash. `bound`: who is asked first; may be null.
  PeerPicker(Group& group, std::uint64_t key, Peer* bound = nullptr);

  Group::Picked next();
  // The same, but from the start when each was tried: the last one only where there is no other,
  // those to be avoided never.
  Group::Picked next_or_again();
  void avoid(const Peer& peer) { avoided_.add(peer.number()); }  // no connection could be made
  // Whether a client that this peer answered is to be bound to it: not where it is bound already,
  // and not where its own peer was merely at its max_conns.
  bool binds(const Peer& peer) const { return !bound_was_busy_ && peer.id() != bound_id_; }
  std::size_t tried() const { return tried_.count(); }

  // So long a try was connecting.
  void spent(clock::Monotonic::duration time) { spent_ += time; }
  // What a try that starts now may use of the whole `limit`; zero: the time is up.
  std::chrono::milliseconds share_of(std::chrono::milliseconds limit) const;

 private:
  Group::Picked bound();

  Group* group_;
  std::uint64_t key_;
  TriedPeers tried_, avoided_;
  std::size_t last_ = no_peer;
  clock::Monotonic::duration spent_{};
  std::uint64_t bound_id_ = 0;
  bool bound_was_busy_ = false;
};

}  // namespace weir
