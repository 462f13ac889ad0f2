// PlainTransport: a Transport that is the socket itself.
#pragma once

#include <memory>

#include "net/transport.h"

namespace weir {

class PlainTransport final : public Transport {
 public:
  PlainTransport(Loop& loop, Fd fd, const Address& peer, Side side);
  PlainTransport(std::unique_ptr<Socket> socket, const Address& peer);  // from a Dialer

  Result<Ok> start() override;
  Io read(std::span<char> into, Want want = Want::any) override;
  Io write(std::span<const iovec> from) override;
  using Transport::write;
  void shutdown_write() override;
  void reset_on_close() override { socket_->reset_on_close(); }
  void again() override { socket_->again(); }
  bool readable() const override { return socket_->readable(); }
  bool writable() const override { return socket_->writable(); }
  bool closed() const override { return socket_->closed(); }
  int fd() const override { return socket_->fd(); }
  Socket* plain_socket() override { return socket_.get(); }

 private:
  static void edge(void* self, Ready ready);

  std::unique_ptr<Socket> socket_;
};

}  // namespace weir
