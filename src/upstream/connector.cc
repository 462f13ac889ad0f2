#include "upstream/connector.h"

#include <array>
#include <cassert>
#include <cerrno>

#include "net/plain_transport.h"
#include "tls/upstream_context.h"

namespace weir {
namespace {

// What says nothing about the peer: another one would fail the same way.
bool is_local(int error_number, const Address& peer) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:
      return true;  // no ephemeral port left
    // connect(2): of TCP, no local port; of a Unix socket, the peer's queue is full.
    case EAGAIN: return peer.is_ip();
    default: return false;
  }
}

}  // namespace

Connector::Connector(Loop& loop, BufferPool& buffers, ConnectorOwner& owner)
    : buffers_(buffers),
      owner_(owner),
      dialer_(
          loop,
          [](void* self, std::unique_ptr<Socket> socket) {
            static_cast<Connector*>(self)->dialled(std::move(socket));
          },
          this),
      timer_(
          loop,
          [](void* self) {
            static_cast<Connector*>(self)->fail(ConnectFailure::timeout,
                                                {Side::upstream, "connect timed out"});
          },
          this),
      later_(
          loop, [](void* self) { static_cast<Connector*>(self)->tell(); }, this) {}

void Connector::start(Group& group, Peer& peer, std::chrono::milliseconds limit) {
  assert(group_ == nullptr);
  group_ = &group;
  peer_ = &peer;
  timer_.arm(limit);
  switch (dialer_.connect(peer.address())) {
    case Dialer::Started::waiting: return;
    case Dialer::Started::connected:
    case Dialer::Started::failed: later_.schedule(); return;
  }
}

void Connector::cancel() {
  timer_.cancel();
  later_.cancel();
  dialer_.cancel();
  transport_.reset();
}

// start() knew at once (a Unix socket, a refusal); its caller is off the stack now.
void Connector::tell() { dialled(dialer_.take_socket()); }

void Connector::dialled(std::unique_ptr<Socket> socket) {
  if (socket == nullptr) {
    const bool local = is_local(dialer_.error_number(), peer_->address());
    return fail(local ? ConnectFailure::local : ConnectFailure::refused, dialer_.error());
  }
  if (group_->tls() != nullptr) {
    transport_ =
        group_->tls()->connect(std::move(socket), peer_->address(), peer_->host(), buffers_);
    if (transport_ == nullptr) return fail(ConnectFailure::local, {Side::self, "out of memory"});
    transport_->set_owner(this);
  } else {
    transport_ = std::make_unique<PlainTransport>(std::move(socket), peer_->address());
  }
  if (const auto started = transport_->start(); !started) {
    return fail(ConnectFailure::local, started.error());
  }
  if (transport_->established()) succeed();
}

// The handshake has ended, one way or the other; or it has not, and there is nothing to read yet.
void Connector::on_ready(Transport& transport, Ready) {
  if (transport.established()) return succeed();
  std::array<char, 1> nothing;
  const Io io = transport.read(nothing);
  if (io.state == Io::State::again) return;
  const bool broken = io.state == Io::State::error;
  fail(ConnectFailure::tls,
       broken ? io.error : Error{Side::upstream, "closed in the TLS handshake"});
}

void Connector::succeed() {
  timer_.cancel();
  transport_->set_owner(nullptr);
  group_->connected(*peer_);
  owner_.on_connected(std::move(transport_));
}

void Connector::fail(ConnectFailure kind, Error error) {
  cancel();
  if (kind != ConnectFailure::local) {
    group_->connect_failed(
        *peer_, error,
        kind == ConnectFailure::timeout ? conf::RetryConf::timeout : conf::RetryConf::error);
  }
  owner_.on_connect_failed({kind, error});
}

}  // namespace weir
