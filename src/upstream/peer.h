// Peer: one address of an upstream group, as this worker sees it. Owned by its Group, at a fixed
// address for the group's life, so that connections, attempts and log lines may point at it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/list.h"
#include "os/address.h"

namespace weir {

class PeerConnection;
struct IdleAtPeer {};  // tag: the idle connections of one peer, newest first

class Peer {
 public:
  // `host` is the peer as the configuration names it (for SNI and verification).
  Peer(const Address& address, std::string_view host, std::string_view scheme)
      : address_(address), host_(host), name_(address.to_string()) {
    url_.append(scheme).append("://").append(name_);
  }
  Peer& operator=(Peer&&) = delete;  // pinned

  const Address& address() const { return address_; }
  std::string_view name() const { return name_; }  // "127.0.0.1:8000", "unix:/run/app.sock"
  std::string_view url() const { return url_; }    // "https://127.0.0.1:8000"
  std::string_view host() const { return host_; }

  // A connection could not be made: this worker leaves the peer alone until then, unless it has no
  // other.
  void shun_until(clock::Monotonic time) { shunned_until_ = time; }
  bool shunned(clock::Monotonic now) const { return now < shunned_until_; }

  List<PeerConnection, IdleAtPeer>& idle() { return idle_; }

 private:
  Address address_;
  std::string host_, name_, url_;
  clock::Monotonic shunned_until_{};
  List<PeerConnection, IdleAtPeer> idle_;
};

}  // namespace weir
