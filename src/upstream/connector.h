// Connector: makes one new connection to a peer, ready for a request: TCP or Unix, then the TLS
// handshake where the group has one, all within one time limit. The destructor gives up.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/buffer.h"
#include "base/result.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/dialer.h"
#include "net/transport.h"
#include "upstream/group.h"

namespace weir {

enum class ConnectFailure : std::uint8_t {
  refused,  // refused, unreachable, reset: the peer, or the way to it
  timeout,
  tls,    // the handshake failed: not TLS, not verified, no common version, closed
  local,  // no descriptor, no local port, no memory: no fault of the peer
};
struct ConnectError {
  ConnectFailure kind;
  Error error;
};

class ConnectorOwner {
 public:
  // Either one ends the connector's work; the owner may destroy it inside.
  virtual void on_connected(std::unique_ptr<Transport> transport) = 0;
  virtual void on_connect_failed(const ConnectError& error) = 0;

 protected:
  ~ConnectorOwner() = default;
};

class Connector final : private TransportOwner {
 public:
  Connector(Loop& loop, BufferPool& buffers, ConnectorOwner& owner);
  Connector& operator=(Connector&&) = delete;  // pinned

  // Once. The owner is called from the loop, never inside start(). A peer that fails (but not for
  // a lack of ours) is shunned by the group, one that connects is welcome again.
  void start(Group& group, Peer& peer, std::chrono::milliseconds limit);
  void cancel();

 private:
  void dialled(std::unique_ptr<Socket> socket);
  void on_ready(Transport& transport, Ready ready) override;
  void succeed();
  void fail(ConnectFailure kind, Error error);
  void tell();

  BufferPool& buffers_;
  ConnectorOwner& owner_;
  Group* group_ = nullptr;
  Peer* peer_ = nullptr;
  Dialer dialer_;
  std::unique_ptr<Transport> transport_;
  Timer timer_;
  Deferred later_;  // for what start() already knows
  ConnectError failed_{};
};

}  // namespace weir
