// Pool: the idle keep-alive connections of one group in one worker, and the leases on those in use.
//
//   peer 1  idle: [newest] - [ ] - [oldest]        take() takes the newest (LIFO): the warmest,
//   least likely to be peer 2  idle: [newest]                         closed by the origin, and the
//   others can age out group   idle: [oldest] - ... - [newest]        one list over all peers: the
//   count limit drops its front, one timer
//                                                  per pool waits for its front
//
// An idle connection holds no buffer, only its transport. The pool listens to it: whatever comes
// (bytes, an end, an error) drops the connection, for an origin has nothing to say when it was not
// asked; over TLS a session ticket is read by the transport and is not such a message.
//
// A connection in use is a Lease. It comes back only by give_back(), which the owner may call only
// when the answer was complete, the request fully sent, and nothing came after the answer; a Lease
// that is just destroyed closes its connection. Connections are destroyed after the loop's turn, so
// a lease may end inside its transport's callback.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/list.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/transport.h"
#include "upstream/peer.h"

namespace weir {

class Pool;

struct PoolLimits {
  std::size_t connections = 0;       // idle at one time, all peers together; 0: keep none
  std::chrono::milliseconds idle{};  // an idle one is closed after
  std::uint64_t requests = 0;        // one connection carries at most; 0: no limit
  std::chrono::milliseconds age{};   // not used again when older; 0: no limit
};

struct IdleInPool {};  // tag: the idle connections of a pool, oldest first

class PeerConnection final : public ListHook<IdleAtPeer>,
                             public ListHook<IdleInPool>,
                             private TransportOwner {
 public:
  PeerConnection(Pool& pool, Peer& peer, std::unique_ptr<Transport> transport);

 private:
  friend class Pool;
  friend class Lease;
  void on_ready(Transport& transport, Ready ready) override;
  bool quiet();

  Pool& pool_;
  Peer& peer_;
  std::unique_ptr<Transport> transport_;
  clock::Monotonic made_, idle_since_{};
  std::uint64_t requests_ = 0;
};

class Lease {
 public:
  Lease() = default;
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { close(); }

  explicit operator bool() const { return connection_ != nullptr; }
  Transport& transport() { return *connection_->transport_; }
  bool reused() const {
    return connection_->requests_ > 1;
  }  // it has carried another request before

  void give_back();                     // to the pool, if its limits allow
  void close();                         // never to be used again
  std::unique_ptr<Transport> detach();  // out of the pool's sight, for a tunnel

 private:
  friend class Pool;
  explicit Lease(std::unique_ptr<PeerConnection> connection);
  std::unique_ptr<PeerConnection> connection_;
};

class Pool {
 public:
  Pool(Loop& loop, const PoolLimits& limits);
  ~Pool();
  Pool& operator=(Pool&&) = delete;  // pinned; every lease must have ended before

  Lease take(Peer& peer);                                     // the newest idle one; empty: none
  Lease adopt(Peer& peer, std::unique_ptr<Transport> fresh);  // one that was just made
  bool keeps() const { return limits_.connections > 0; }
  std::size_t idle_count() const { return idle_count_; }
  void drop_idle();  // all of them: the worker drains
  void drop_idle_at(Peer& peer);

 private:
  friend class PeerConnection;
  friend class Lease;
  void give_back(std::unique_ptr<PeerConnection> connection);
  std::unique_ptr<PeerConnection> unlink(PeerConnection& connection);
  void retire(std::unique_ptr<PeerConnection> connection);
  void wait_for_oldest();
  void drop_expired();

  Loop& loop_;
  PoolLimits limits_;
  List<PeerConnection, IdleInPool> idle_;
  std::size_t idle_count_ = 0;
  Timer timer_;
};

}  // namespace weir
