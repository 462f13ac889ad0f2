#include "tls/tls_transport.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "net/linger.h"
#include "test/unit/tls/tls_pair.h"

using namespace weir;
using namespace weir::test;
using std::chrono::milliseconds;

namespace {

struct World {
  explicit World(void (*adjust)(tls::ServerSettings&) = nullptr,
                 void (*adjust_client)(tls::UpstreamSettings&) = nullptr)
      : server(server_context(&tickets.keys, "one", adjust)),
        client(client_context(adjust_client)),
        listen({server.get(), 7}) {}
  Tickets tickets;
  std::unique_ptr<tls::ServerContext> server;
  std::unique_ptr<tls::UpstreamContext> client;
  tls::ListenContext listen;
};

void without_tickets(tls::ServerSettings& settings) { settings.tickets = false; }
void only_tls12(tls::ServerSettings& settings) { settings.tls13 = false; }

}  // namespace

TEST_CASE("tls 1.3: handshake, request, answer and close_notify are two writes of the server") {
  World world;
  TlsPair pair(world.listen, *world.client);
  pair.shake_hands();
  CHECK(pair.server_writes == 1);  // the flight; the ticket waits
  REQUIRE(pair.client->transport->write("GET / HTTP/1.1\r\n\r\n").bytes == 18);
  pair.settle();
  CHECK(pair.server->heard == "GET / HTTP/1.1\r\n\r\n");
  REQUIRE(pair.server->transport->write("HTTP/1.1 200 OK\r\n\r\n").bytes == 19);
  pair.server->transport->shutdown_write();
  pair.settle();
  CHECK(pair.server_writes == 2);
  CHECK(pair.client->heard == "HTTP/1.1 200 OK\r\n\r\n");
  CHECK(pair.client->ended);
  CHECK(pair.client->transport->eof_is_clean());
  CHECK(world.client->sessions() == 1);
  CHECK(pair.pool.bytes_used() == 0);  // nothing is held by connections that are idle
}

TEST_CASE("tls 1.2: the handshake is two writes, the answer with close_notify the third") {
  World world(&only_tls12);
  TlsPair pair(world.listen, *world.client);
  pair.shake_hands();
  REQUIRE(pair.client->transport->write("ping").bytes == 4);
  pair.settle();
  CHECK(pair.server_writes == 2);
  REQUIRE(pair.server->transport->write("pong").bytes == 4);
  pair.server->transport->shutdown_write();
  pair.settle();
  CHECK(pair.server_writes == 3);
  CHECK(pair.client->heard == "pong");
  CHECK(pair.client->transport->eof_is_clean());
}

TEST_CASE("tls: head and body, and several writes of a turn, are sent together") {
  World world;
  TlsPair pair(world.listen, *world.client);
  pair.shake_hands();
  std::string head = "head|", body(20'000, 'b');
  const std::array<iovec, 2> parts = {iovec{head.data(), head.size()},
                                      iovec{body.data(), body.size()}};
  REQUIRE(pair.server->transport->write(parts).bytes == 20'005);
  REQUIRE(pair.server->transport->write("|tail").bytes == 5);
  CHECK(pair.server->transport->pending());
  pair.settle();
  CHECK(pair.server_writes == 2);
  CHECK(pair.client->heard == head + body + "|tail");
  CHECK_FALSE(pair.server->transport->pending());
  CHECK(pair.pool.bytes_used() == 0);
}

TEST_CASE("tls: what was agreed on is known to both sides") {
  World world;
  TlsPair pair(world.listen, *world.client);
  CHECK(pair.server->transport->tls() == nullptr);
  pair.shake_hands();
  const TlsInfo* info = pair.server->transport->tls();
  REQUIRE(info != nullptr);
  CHECK(info->protocol == "TLSv1.3");
  CHECK(info->cipher.substr(0, 4) == "TLS_");
  CHECK(info->curve == "x25519");
  CHECK(info->alpn == "http/1.1");
  CHECK(info->server_name == "localhost");
  CHECK(info->server_index == 7);
  CHECK_FALSE(info->reused);
  const TlsInfo* seen = pair.client->transport->tls();
  REQUIRE(seen != nullptr);
  CHECK(seen->verified);
  CHECK(seen->server_index == -1);
}

TEST_CASE(
    "tls: a session resumes at another worker that has the same keys, and renews its ticket") {
  for (const bool tls12 : {false, true}) {
    CAPTURE(tls12);
    World world(tls12 ? &only_tls12 : nullptr);
    const auto second = server_context(&world.tickets.keys, "one", tls12 ? &only_tls12 : nullptr);
    const tls::ListenContext other({second.get(), 0});
    for (int connection = 0; connection < 3; ++connection) {
      TlsPair pair(connection == 0 ? world.listen : other, *world.client);
      pair.shake_hands();
      REQUIRE(pair.server->transport->write("x").bytes == 1);
      pair.settle();
      CHECK(pair.client->heard == "x");
      CHECK(pair.client->transport->tls()->reused == (connection > 0));
      CHECK(pair.server->transport->tls()->reused == (connection > 0));
    }
    CHECK(world.client->sessions() == 1);
  }
}

TEST_CASE(
    "tls: no session is resumed with other keys, in another trust domain, or when it is off") {
  Tickets others;
  for (const int variant : {0, 1, 2, 3}) {
    CAPTURE(variant);
    World world;
    const auto second =
        server_context(variant == 0 ? &others.keys : &world.tickets.keys,
                       variant == 1 ? "two" : "one", variant == 2 ? &without_tickets : nullptr);
    const tls::ListenContext other({second.get(), 0});
    const auto forgetful =
        client_context([](tls::UpstreamSettings& settings) { settings.reuse_sessions = false; });
    tls::UpstreamContext& client = variant == 3 ? *forgetful : *world.client;
    for (const tls::ListenContext* listen : {&std::as_const(world.listen), &other}) {
      TlsPair pair(*listen, client);
      pair.shake_hands();
      REQUIRE(pair.server->transport->write("x").bytes == 1);
      pair.settle();
      CHECK(pair.client->heard == "x");
      CHECK_FALSE(pair.client->transport->tls()->reused);
    }
  }
}

TEST_CASE("tls: the end of the stream without close_notify is told from a clean one") {
  World world;
  TlsPair pair(world.listen, *world.client);
  pair.shake_hands();
  REQUIRE(pair.client->transport->write("half").bytes == 4);
  pair.settle();
  pair.cut_client();
  pair.loop.turn(milliseconds(0));
  CHECK(pair.server->heard == "half");
  CHECK(pair.server->ended);
  CHECK_FALSE(pair.server->transport->eof_is_clean());
  CHECK(pair.server->error.empty());

  World clean_world;
  TlsPair clean(clean_world.listen, *clean_world.client);
  clean.shake_hands();
  clean.client->transport->shutdown_write();
  clean.settle();
  CHECK(clean.server->ended);
  CHECK(clean.server->transport->eof_is_clean());
  REQUIRE(clean.server->transport->write("still").bytes == 5);  // a half-closed client is answered
  clean.settle();
  CHECK(clean.client->heard == "still");
}

TEST_CASE("tls: a transport that is just destroyed sends what is pending, but no close_notify") {
  World world;
  TlsPair pair(world.listen, *world.client);
  pair.shake_hands();
  REQUIRE(pair.server->transport->write("last words").bytes == 10);
  pair.server->transport.reset();
  pair.settle();
  CHECK(pair.client->heard == "last words");
  CHECK(pair.client->ended);
  CHECK_FALSE(pair.client->transport->eof_is_clean());
}

TEST_CASE("tls: a peer whose name or issuer is wrong is refused, and the reason is told") {
  struct Case {
    const char* host;
    void (*adjust)(tls::UpstreamSettings&);
    const char* error;
  };
  const Case cases[] = {
      {"localhost", nullptr, ""},
      {"127.0.0.1", nullptr, ""},
      {"::1", nullptr, ""},
      {"example.com", nullptr, "hostname mismatch"},
      {"127.0.0.2", nullptr, "IP address mismatch"},
      {"localhost", [](tls::UpstreamSettings& settings) { settings.name = "example.com"; },
       "hostname mismatch"},
      {"example.com", [](tls::UpstreamSettings& settings) { settings.name = "localhost"; }, ""},
      {"localhost", [](tls::UpstreamSettings& settings) { settings.trusted_pem = {}; },
       "self-signed certificate"},
      {"example.com", [](tls::UpstreamSettings& settings) { settings.verify = false; }, ""},
  };
  for (const Case& it : cases) {
    CAPTURE(it.host);
    World world(nullptr, it.adjust);
    TlsPair pair(world.listen, *world.client, it.host);
    pair.settle();
    CHECK(pair.client->error == it.error);
    CHECK(pair.client->transport->established() == (*it.error == '\0'));
  }
}

TEST_CASE("tls: no common version is an error on both sides") {
  World world([](tls::ServerSettings& settings) { settings.tls12 = false; },
              [](tls::UpstreamSettings& settings) { settings.tls13 = false; });
  TlsPair pair(world.listen, *world.client);
  pair.settle();
  CHECK_FALSE(pair.client->transport->established());
  CHECK_FALSE(pair.client->error.empty());
  CHECK(pair.server->error == "unsupported protocol");
}

TEST_CASE("tls: what is no TLS at all, and a client that goes away in between") {
  World world;
  for (const std::string_view bytes : {std::string_view("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                                       std::string_view("\x16\x03\x01\x00\x05hello", 10),
                                       std::string_view("\x16\x03\x01", 3), std::string_view()}) {
    Loop loop;
    BufferPool pool(1 << 20);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    Fd client(ends[1]);
    Party server(
        std::make_unique<tls::TlsTransport>(loop, Fd(ends[0]), Address(), world.listen, pool));
    REQUIRE(server.transport->start());
    loop.turn(milliseconds(0));
    CHECK(server.calls == 0);
    if (!bytes.empty())
      REQUIRE(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()));
    ::shutdown(client.get(), SHUT_WR);
    loop.turn(milliseconds(0));
    CHECK_FALSE(server.error.empty());
    CHECK_FALSE(server.transport->established());
    std::array<char, 4096> chunk;
    const ssize_t count = ::recv(client.get(), chunk.data(), chunk.size(), 0);
    const std::string_view answer(chunk.data(),
                                  static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    CHECK(answer.starts_with("HTTP/1.1 400 ") == bytes.starts_with("GET"));
    CHECK(server.transport->write("x").state == Io::State::error);
  }
}

TEST_CASE("tls: much data both ways arrives whole, also when the pool has nothing to give") {
  for (const std::size_t pool_bytes : {std::size_t{1} << 20, std::size_t{0}}) {
    CAPTURE(pool_bytes);
    World world;
    TlsStream stream(world.listen, *world.client, pool_bytes);
    std::string payload(3'000'000, '\0');
    for (std::size_t index = 0; index < payload.size(); ++index)
      payload[index] = static_cast<char>(index * 31 >> 3);
    std::size_t down = 0, up = 0;
    const auto push = [&payload](Party& from, std::size_t& sent) {
      while (sent < payload.size()) {
        const Io io = from.transport->write(std::string_view(payload).substr(sent, 100'000));
        if (io.state != Io::State::bytes) {
          REQUIRE(io.state == Io::State::again);
          return;
        }
        sent += io.bytes;
      }
    };
    for (int turn = 0; turn < 100'000; ++turn) {
      push(*stream.server, down);
      push(*stream.client, up);
      REQUIRE(stream.pool.bytes_used() <= pool_bytes);
      if (stream.client->heard.size() + stream.server->heard.size() == 2 * payload.size()) break;
      stream.loop.turn(milliseconds(0));
    }
    CHECK(stream.client->heard == payload);
    CHECK(stream.server->heard == payload);
    CHECK(stream.pool.bytes_used() == 0);
  }
}

TEST_CASE("tls: an owner that does not read holds the writer back, and is told when it goes on") {
  World world;
  TlsStream stream(world.listen, *world.client, 1 << 20);
  for (int turn = 0; turn < 10; ++turn) stream.loop.turn(milliseconds(0));
  REQUIRE(stream.server->transport->established());
  stream.client->reading = false;
  const std::string block(64 * 1024, 'x');
  std::size_t sent = 0;
  for (int step = 0; step < 1000 && stream.server->transport->writable(); ++step) {
    sent += stream.server->transport->write(block).bytes;
    stream.loop.turn(milliseconds(0));
  }
  CHECK_FALSE(stream.server->transport->writable());
  CHECK(sent < 10'000'000);
  const int calls = stream.server->calls;
  stream.client->reading = true;
  stream.client->transport->again();
  for (int turn = 0; turn < 100 && stream.client->heard.size() < sent; ++turn)
    stream.loop.turn(milliseconds(0));
  CHECK(stream.server->calls > calls);
  CHECK(stream.server->transport->writable());
  CHECK(stream.client->heard.size() == sent);
}

TEST_CASE(
    "tls: a lingering connection sends its answer and close_notify, and reads the rest away") {
  World world;
  TlsStream stream(world.listen, *world.client, 1 << 20);
  Lingerers lingerers(stream.loop);
  for (int turn = 0; turn < 10; ++turn) stream.loop.turn(milliseconds(0));
  REQUIRE(stream.client->transport->write("a body that nobody wants").bytes > 0);
  stream.server->reading = false;
  REQUIRE(stream.server->transport->write("413").bytes == 3);
  lingerers.add(std::move(stream.server->transport));
  for (int turn = 0; turn < 10; ++turn) stream.loop.turn(milliseconds(0));
  CHECK(stream.client->heard == "413");
  CHECK(stream.client->ended);
  CHECK(stream.client->transport->eof_is_clean());
  CHECK(lingerers.count() == 1);
  REQUIRE(stream.client->transport->write(std::string_view("more")).bytes == 4);
  stream.client->transport->shutdown_write();
  for (int turn = 0; turn < 10; ++turn) stream.loop.turn(milliseconds(0));
  CHECK(lingerers.count() == 0);
}
