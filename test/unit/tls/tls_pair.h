// A TLS server and client transport in one loop, with a relay between them that counts what the
// server writes: its end is a SEQPACKET socket, on which every system call is one packet.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "event/loop.h"
#include "shm/ticket_keys.h"
#include "tls/pem.h"
#include "tls/server_context.h"
#include "tls/tls_transport.h"
#include "tls/upstream_context.h"

namespace weir::test {

inline const tls::PemPair& localhost_pem() {
  static const tls::PemPair pem = [] {
    std::string error;
    tls::PemPair made = tls::make_development_pair(error);
    REQUIRE(error.empty());
    return made;
  }();
  return pem;
}

struct Tickets {  // as the master has them, without a zone
  Tickets() { REQUIRE(keys.rotate(1)); }
  shm::TicketsBody body{};
  shm::TicketKeys keys{&body, &body};
};

inline std::unique_ptr<tls::ServerContext> server_context(
    const shm::TicketKeys* keys, const std::string& trust_domain = "one",
    void (*adjust)(tls::ServerSettings&) = nullptr) {
  std::string error;
  const auto pair = tls::KeyPair::parse(localhost_pem().certificate, localhost_pem().key, error);
  REQUIRE(pair);
  tls::ServerSettings settings;
  settings.pairs = {pair.get()};
  settings.ticket_keys = keys;
  settings.trust_domain = trust_domain;
  if (adjust != nullptr) adjust(settings);
  auto context = tls::ServerContext::make(settings, error);
  REQUIRE_MESSAGE(context, error);
  return context;
}

inline std::unique_ptr<tls::UpstreamContext> client_context(
    void (*adjust)(tls::UpstreamSettings&) = nullptr) {
  std::string error;
  tls::UpstreamSettings settings;
  settings.trusted_pem = localhost_pem().certificate;
  if (adjust != nullptr) adjust(settings);
  auto context = tls::UpstreamContext::make(settings, error);
  REQUIRE_MESSAGE(context, error);
  return context;
}

// Reads whatever comes, and remembers how it ended.
struct Party : TransportOwner {
  explicit Party(std::unique_ptr<Transport> it) : transport(std::move(it)) {
    transport->set_owner(this);
  }
  virtual ~Party() = default;
  void on_ready(Transport&, Ready) override {
    ++calls;
    std::array<char, 8192> chunk;
    while (reading) {
      const Io io = transport->read(chunk);
      if (io.state == Io::State::bytes) {
        heard.append(chunk.data(), io.bytes);
        continue;
      }
      ended = ended || io.state == Io::State::eof;
      if (io.state == Io::State::error) error = io.error.what;
      return;
    }
  }
  std::unique_ptr<Transport> transport;
  std::string heard, error;
  int calls = 0;
  bool ended = false, reading = true;
};

class TlsPair {
 public:
  TlsPair(const tls::ListenContext& listen, tls::UpstreamContext& context,
          std::string_view host = "localhost", std::size_t pool_bytes = 1 << 20)
      : pool(pool_bytes) {
    int to_server[2], to_client[2];
    const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | flags, 0, to_server) == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | flags, 0, to_client) == 0);
    near_server_ = Fd(to_server[1]);
    near_client_ = Fd(to_client[1]);
    server = std::make_unique<Party>(
        std::make_unique<tls::TlsTransport>(loop, Fd(to_server[0]), Address(), listen, pool));
    client = std::make_unique<Party>(context.connect(
        std::make_unique<Socket>(loop, Fd(to_client[0]), Side::upstream), Address(), host, pool));
    REQUIRE(server->transport->start());
    REQUIRE(client->transport->start());
  }

  // Turns, and carries bytes between the two, until nothing moves any more.
  void settle() {
    for (int quiet = 0; quiet < 3; ++quiet) {
      loop.turn(std::chrono::milliseconds(0));
      if (carry()) quiet = -1;
    }
  }
  void shake_hands() {
    settle();
    REQUIRE_MESSAGE(client->transport->established(), client->error);
    REQUIRE_MESSAGE(server->transport->established(), server->error);
  }
  void cut_client() { near_server_.reset(); }  // the server sees a FIN

  Loop loop;
  BufferPool pool;
  std::unique_ptr<Party> server, client;
  int server_writes = 0;
  std::vector<std::size_t> sizes;  // of each of them

 private:
  bool carry() {
    static std::array<char, 1 << 17> bytes;
    bool moved = false;
    ssize_t count = 0;
    while (near_server_ &&
           (count = ::recv(near_server_.get(), bytes.data(), bytes.size(), 0)) > 0) {
      ++server_writes;
      sizes.push_back(static_cast<std::size_t>(count));
      REQUIRE(::send(near_client_.get(), bytes.data(), sizes.back(), MSG_NOSIGNAL) == count);
      moved = true;
    }
    if (near_server_ && count == 0) ::shutdown(near_client_.get(), SHUT_WR);
    // One packet per turn, and no longer than the library reads: a packet is read whole or cut.
    count = ::recv(near_client_.get(), bytes.data(), 12 * 1024, 0);
    if (near_server_ && count > 0) {
      REQUIRE(::send(near_server_.get(), bytes.data(), static_cast<std::size_t>(count),
                     MSG_NOSIGNAL) == count);
      moved = true;
    }
    return moved;
  }

  Fd near_server_, near_client_;
};

// The same without a relay, over one stream: for much data.
class TlsStream {
 public:
  TlsStream(const tls::ListenContext& listen, tls::UpstreamContext& context, std::size_t pool_bytes)
      : pool(pool_bytes) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    server = std::make_unique<Party>(
        std::make_unique<tls::TlsTransport>(loop, Fd(ends[0]), Address(), listen, pool));
    client = std::make_unique<Party>(context.connect(
        std::make_unique<Socket>(loop, Fd(ends[1]), Side::upstream), Address(), "localhost", pool));
    REQUIRE(server->transport->start());
    REQUIRE(client->transport->start());
  }
  Loop loop;
  BufferPool pool;
  std::unique_ptr<Party> server, client;
};

}  // namespace weir::test
