// Tunnel: an upgraded connection (101): raw bytes both ways between a client's stream and a peer's
// transport, with back-pressure and half-closes, until both directions have ended or nothing has
// moved for proxy_read_timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "event/timer.h"
#include "http/body.h"
#include "net/transport.h"
#include "proxy/client_stream.h"

namespace weir {

class Tunnel final : public BodySink, public BodySource, private TransportOwner {
 public:
  struct Limits {
    std::chrono::milliseconds idle;  // that long nothing moves either way
    std::size_t buffer_max;          // bytes, of what comes from the peer
  };
  Tunnel(Loop& loop, BufferPool& pool, ClientStream& client, std::unique_ptr<Transport> peer,
         const Limits& limits);
  Tunnel& operator=(Tunnel&&) = delete;

  // After client.begin_tunnel(). `early` came from the peer behind its head. False: no buffer.
  bool start(std::string_view early);

  // BodySink: from the client to the peer.
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields&) override {}
  void flush() override {}
  void abort(Error why) override;
  // BodySource: the client has room.
  void resume() override;

  std::uint64_t bytes_received() const { return received_; }  // from the peer
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  void on_ready(Transport& transport, Ready ready) override;
  void relay();  // from the peer to the client
  void moved() { timer_.arm(limits_.idle); }
  void end(Error why);
  static void idle(void* self);
  static void buffer_free(void* self);

  ClientStream& client_;
  std::unique_ptr<Transport> peer_;
  Buffer buffer_;  // from the peer
  BufferPool::Waiter waiter_;
  Timer timer_;
  const Limits limits_;
  std::uint64_t received_ = 0, sent_ = 0;
  bool peer_ended_ = false;    // the peer's direction
  bool client_ended_ = false;  // the client's direction: its last byte was given to the peer
  bool done_ = false;          // all of the peer's bytes were given to the client
  bool filled_ = false;
};

}  // namespace weir
