#include "net/plain_transport.h"

#include <utility>

namespace weir {

PlainTransport::PlainTransport(Loop& loop, Fd fd, const Address& peer, Side side)
    : Transport(peer), socket_(std::make_unique<Socket>(loop, std::move(fd), side)) {}

PlainTransport::PlainTransport(std::unique_ptr<Socket> socket, const Address& peer)
    : Transport(peer), socket_(std::move(socket)) {
  socket_->set_callback(&PlainTransport::edge, this);
}

Result<Ok> PlainTransport::start() { return socket_->start(&PlainTransport::edge, this); }

Io PlainTransport::read(std::span<char> into, Want want) { return socket_->read(into, want); }
Io PlainTransport::write(std::span<const iovec> from) { return socket_->write(from); }
void PlainTransport::shutdown_write() { socket_->shutdown_write(); }

void PlainTransport::edge(void* self, Ready ready) {
  static_cast<PlainTransport*>(self)->tell(ready);
}

}  // namespace weir
