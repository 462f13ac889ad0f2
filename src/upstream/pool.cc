#include "upstream/pool.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace weir {

PeerConnection::PeerConnection(Pool& pool, Peer& peer, std::unique_ptr<Transport> transport)
    : pool_(pool), peer_(peer), transport_(std::move(transport)), made_(clock::now()) {}

void PeerConnection::on_ready(Transport&, Ready) {
  if (!quiet()) pool_.retire(pool_.unlink(*this));
}

// Nothing has come that an idle connection should not see. The transport's own business (a TLS
// session ticket) is read by it and leaves nothing for us.
bool PeerConnection::quiet() {
  if (transport_->closed()) return false;
  if (!transport_->readable()) return true;
  std::array<char, 16> unwanted;
  return transport_->read(unwanted).state == Io::State::again && !transport_->closed();
}

Lease::Lease(std::unique_ptr<PeerConnection> connection) : connection_(std::move(connection)) {
  ++connection_->requests_;
}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    close();
    connection_ = std::move(other.connection_);
  }
  return *this;
}

void Lease::give_back() {
  assert(connection_);
  Pool& pool = connection_->pool_;
  pool.give_back(std::move(connection_));
}

void Lease::close() {
  if (!connection_) return;
  Pool& pool = connection_->pool_;
  pool.retire(std::move(connection_));
}

std::unique_ptr<Transport> Lease::detach() {
  assert(connection_);
  auto transport = std::move(connection_->transport_);
  transport->set_owner(nullptr);
  connection_.reset();
  return transport;
}

Pool::Pool(Loop& loop, const PoolLimits& limits)
    : loop_(loop),
      limits_(limits),
      timer_(
          loop, [](void* pool) { static_cast<Pool*>(pool)->drop_expired(); }, this) {}

Pool::~Pool() {
  while (!idle_.empty()) delete unlink(idle_.front()).release();
}

Lease Pool::take(Peer& peer) {
  const clock::Monotonic now = clock::now();
  while (!peer.idle().empty()) {
    auto connection = unlink(peer.idle().front());
    connection->transport_->set_owner(nullptr);
    const bool too_old = limits_.age.count() != 0 && now - connection->made_ >= limits_.age;
    const bool too_idle = now - connection->idle_since_ >= limits_.idle;
    // An edge of this very turn may not have been told yet; its flag is there.
    if (too_old || too_idle || !connection->quiet()) {
      retire(std::move(connection));
      continue;
    }
    return Lease(std::move(connection));
  }
  return {};
}

Lease Pool::adopt(Peer& peer, std::unique_ptr<Transport> fresh) {
  fresh->set_owner(nullptr);
  return Lease(std::make_unique<PeerConnection>(*this, peer, std::move(fresh)));
}

void Pool::give_back(std::unique_ptr<PeerConnection> connection) {
  Transport& transport = *connection->transport_;
  const clock::Monotonic now = clock::now();
  const bool worn = (limits_.requests != 0 && connection->requests_ >= limits_.requests) ||
                    (limits_.age.count() != 0 && now - connection->made_ >= limits_.age);
  if (transport.pending()) transport.flush();
  if (!keeps() || worn || transport.pending() || !connection->quiet()) {
    return retire(std::move(connection));
  }
  if (idle_count_ >= limits_.connections) retire(unlink(idle_.front()));
  PeerConnection& idle = *connection.release();  // owned by the lists from here to unlink()
  idle.idle_since_ = now;
  transport.set_owner(&idle);
  transport.release_idle_memory();
  idle.peer_.idle().push_front(idle);
  idle_.push_back(idle);
  if (idle_count_++ == 0) wait_for_oldest();
}

std::unique_ptr<PeerConnection> Pool::unlink(PeerConnection& connection) {
  connection.ListHook<IdleAtPeer>::unlink();
  connection.ListHook<IdleInPool>::unlink();
  --idle_count_;
  return std::unique_ptr<PeerConnection>(&connection);
}

// Not destroyed here: this may be inside a callback of its transport.
void Pool::retire(std::unique_ptr<PeerConnection> connection) {
  Transport& transport = *connection->transport_;
  transport.set_owner(nullptr);
  // close_notify; on a plain socket close() says the same.
  if (transport.is_tls() && !transport.closed()) transport.shutdown_write();
  loop_.destroy_later(std::move(connection));
}

void Pool::drop_idle() {
  while (!idle_.empty()) retire(unlink(idle_.front()));
  timer_.cancel();
}

void Pool::drop_idle_at(Peer& peer) {
  while (!peer.idle().empty()) retire(unlink(peer.idle().front()));
}

// The front has been idle longest, for the list is in the order of give_back().
void Pool::wait_for_oldest() {
  if (idle_.empty()) return timer_.cancel();
  const auto due = idle_.front().idle_since_ + limits_.idle - clock::now();
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(due);
  timer_.arm(std::max(delay, std::chrono::milliseconds(1)));
}

void Pool::drop_expired() {
  const clock::Monotonic now = clock::now();
  while (!idle_.empty() && now - idle_.front().idle_since_ >= limits_.idle)
    retire(unlink(idle_.front()));
  wait_for_oldest();
}

}  // namespace weir
