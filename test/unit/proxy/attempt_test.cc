#include "proxy/attempt.h"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "proxy/retry_decision.h"
#include "test/unit/support/bodies.h"
#include "test/unit/support/memory_transport.h"

using namespace weir;
using namespace std::chrono_literals;
using test::MemoryTransport;
using test::RecordingSink;
using test::TextSource;

namespace {

conf::UpstreamConf one_peer() {
  conf::UpstreamConf conf;
  conf.name = "origins";
  conf.keepalive.value = 4;
  conf.keepalive_timeout.value = 60s;
  conf::PeerConf peer;
  peer.address = *Address::parse_ip("127.0.0.1", 8000);
  peer.host = "127.0.0.1";
  conf.peers.push_back(peer);
  return conf;
}

conf::LocationConf location_conf() {
  conf::LocationConf conf;
  conf.proxy_send_timeout.value = 60s;
  conf.proxy_read_timeout.value = 60s;
  conf.proxy_buffer_size_max.value.bytes = 256 * 1024;
  conf.proxy_header_max_size.value.bytes = 32 * 1024;
  conf.proxy_max_headers.value = 100;
  conf.chunk_extensions_max_size.value.bytes = 4096;
  conf.trailers_max_size.value.bytes = 8192;
  conf.max_trailers.value = 32;
  return conf;
}

// An exchange with one attempt over a connection whose other end the test plays.
struct Bench final : AttemptOwner {
  Loop loop;
  BufferPool buffers{std::size_t{4} << 20};
  Arena arena;
  conf::UpstreamConf upstream = one_peer();
  conf::LocationConf location = location_conf();
  Group group{loop, upstream, nullptr};
  RequestHead head;
  ResponseHead received;
  BodyFraming body;
  std::string_view offered_upgrade;
  bool reused = false;  // let the connection have carried a request before

  RecordingSink sink;
  std::unique_ptr<RecordingSink> heap_sink;  // instead, if there is one
  std::unique_ptr<Attempt> attempt;
  MemoryTransport* origin = nullptr;
  bool closed = false;  // the connection was destroyed

  // What was heard.
  int status = 0;
  std::string fields, informational;
  BodyFraming framing;
  std::optional<AttemptError> failed;
  bool done = false;
  int continues = 0;
  std::unique_ptr<Transport> tunnel;
  std::string early, protocol;

  Bench() {
    clock::refresh();
    head.method = Method::get;
    head.method_text = "GET";
    head.fields.add("Host", "example.com");
  }
  ~Bench() { attempt.reset(); }
  Bench& operator=(Bench&&) = delete;

  void post(const BodyFraming& with) {
    head.method = Method::post;
    head.method_text = "POST";
    body = with;
  }
  Attempt& make() {
    attempt = std::make_unique<Attempt>(loop, buffers, arena, group, *group.peers()[0],
                                        AttemptRequest{.head = head,
                                                       .target = "/x",
                                                       .body = body,
                                                       .upgrade = offered_upgrade,
                                                       .conf = location,
                                                       .answer = received,
                                                       .connect_timeout = 1s},
                                        *this);
    return *attempt;
  }
  void start() {
    if (!attempt) make();
    auto transport = std::make_unique<MemoryTransport>(Side::upstream, Address());
    origin = transport.get();
    origin->watch_destruction(closed);
    Lease lease = group.pool().adopt(*group.peers()[0], std::move(transport));
    if (reused) {
      lease.give_back();
      attempt->start();
    } else {
      attempt->start_on(std::move(lease));
    }
  }
  // The origin says this; what was put off is done.
  void hear(std::string_view bytes) {
    if (origin == nullptr || closed) return;
    origin->receive(bytes);
    deliver();
  }
  void hear_end(bool clean = true) {
    if (closed) return;
    origin->receive_end(clean);
    deliver();
  }
  void hear_reset() {
    if (closed) return;
    origin->receive_reset();
    deliver();
  }
  void deliver() {
    while (!closed && origin->deliver()) loop.turn(0ms);
    loop.turn(0ms);
  }
  std::size_t idle() { return group.pool().idle_count(); }
  bool ended() const { return done || failed || tunnel; }

  // Called inside the calls of the attempt.
  std::function<void()> meddle_continue, meddle_informational, meddle_response;

  void on_continue(Attempt&) override {
    ++continues;
    if (meddle_continue) meddle_continue();
  }
  void on_informational(Attempt&, const ResponseHead& answer) override {
    informational += std::to_string(answer.status) + ";";
    if (meddle_informational) meddle_informational();
  }
  BodySink& on_response(Attempt&, ResponseHead& answer, const BodyFraming& with) override {
    CHECK(status == 0);
    status = answer.status;
    framing = with;
    for (const Field& field : answer.fields) {
      fields.append(field.name).append("=").append(field.value).append(";");
    }
    if (meddle_response) meddle_response();
    return heap_sink ? *heap_sink : sink;
  }
  void on_upgrade(Attempt&, ResponseHead& answer, std::string_view chosen,
                  std::unique_ptr<Transport> transport, std::string_view bytes) override {
    CHECK_FALSE(ended());
    status = answer.status;
    protocol = chosen;
    tunnel = std::move(transport);
    early = bytes;
  }
  void on_failed(Attempt&, const AttemptError& error) override {
    CHECK_FALSE(ended());
    failed = error;
  }
  void on_done(Attempt&) override {
    CHECK_FALSE(ended());
    done = true;
  }
};

}  // namespace

TEST_CASE("attempt: a request without a body and its answer; the connection is kept") {
  Bench bench;
  bench.start();
  CHECK(bench.origin->sent() == "GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n");
  bench.hear(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-A: "
      "b\r\n\r\nhello");
  CHECK(bench.status == 200);
  CHECK(bench.fields == "X-A=b;");
  CHECK(bench.framing.kind == BodyKind::length);
  CHECK(bench.framing.length == 5);
  CHECK(bench.sink.text() == "hello");
  CHECK(bench.sink.ended());
  CHECK(bench.sink.flushes() == 0);  // the last write speaks for itself
  CHECK(bench.done);
  CHECK(bench.idle() == 1);
  CHECK_FALSE(bench.closed);
  CHECK(bench.buffers.bytes_used() == 0);
  const AttemptFacts& facts = bench.attempt->facts();
  CHECK(facts.peer == "127.0.0.1:8000");
  CHECK(facts.status == 200);
  CHECK(facts.body_bytes == 5);
  CHECK(facts.bytes_sent == bench.origin->sent().size());
  CHECK(facts.header.has_value());
  CHECK(facts.ended.has_value());
}

TEST_CASE("attempt: where an answer is cut into pieces makes no difference") {
  struct Case {
    std::string_view answer, body, trailers;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
       "hello", ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
       "hello", "X-T=1;"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 "
       "OK\r\nContent-Length: 2\r\n\r\nok",
       "ok", ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", ""}};
  for (const Case& example : cases) {
    for (std::size_t at = 0; at <= example.answer.size(); ++at) {
      CAPTURE(example.answer);
      CAPTURE(at);
      Bench bench;
      bench.start();
      if (at > 0) bench.hear(example.answer.substr(0, at));
      if (at < example.answer.size()) bench.hear(example.answer.substr(at));
      CHECK(bench.done);
      CHECK(bench.sink.text() == example.body);
      CHECK(bench.sink.trailer_text() == example.trailers);
      CHECK(bench.sink.ended());
      CHECK(bench.idle() == 1);
    }
    Bench bench;
    bench.start();
    for (const char byte : example.answer) bench.hear({&byte, 1});
    CHECK(bench.done);
    CHECK(bench.sink.text() == example.body);
    CHECK(bench.idle() == 1);
  }
}

TEST_CASE("attempt: what is no answer that we accept is invalid, and the connection is closed") {
  const std::string many_fields = [] {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 200; ++i) head += "X-" + std::to_string(i) + ": 1\r\n";
    return head + "\r\n";
  }();
  const std::string large_head =
      "HTTP/1.1 200 OK\r\nX: " + std::string(40 * 1024, 'x') + "\r\n\r\n";
  for (const std::string& answer :
       {std::string("HELLO WORLD\r\n\r\n"), std::string("HTTP/2.0 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 99 Low\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        std::string("HTTP/1.1 200 OK\r\nX : 1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n"),
        std::string("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
                    "websocket\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"), many_fields, large_head}) {
    CAPTURE(answer.substr(0, 60));
    Bench bench;
    bench.start();
    bench.hear(answer);
    REQUIRE(bench.failed);
    CHECK(bench.failed->kind == AttemptFailure::invalid);
    CHECK(bench.failed->sent);
    CHECK(bench.failed->error.side == Side::upstream);
    CHECK(bench.closed);
    CHECK(bench.idle() == 0);
    CHECK(bench.buffers.bytes_used() == 0);
  }
}

TEST_CASE("attempt: a connection that ends before the answer: closed early, or reset") {
  for (const std::string_view part :
       {"", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early\r\n\r\n"}) {
    for (const bool reset : {false, true}) {
      for (const bool reused : {false, true}) {
        CAPTURE(part);
        Bench bench;
        bench.reused = reused;
        bench.start();
        if (!part.empty()) bench.hear(part);
        reset ? bench.hear_reset() : bench.hear_end();
        REQUIRE(bench.failed);
        CHECK(bench.failed->kind == (reset ? AttemptFailure::reset : AttemptFailure::closed_early));
        const TryOutcome outcome =
            outcome_of(bench.failed->kind, bench.attempt->facts(), bench.failed->sent);
        CHECK((outcome.kind == TryOutcome::Kind::stale) == (reused && part.empty()));
        CHECK(outcome.sent);
        CHECK(bench.attempt->facts().reused == reused);
        CHECK(bench.closed);
      }
    }
  }
}

TEST_CASE("attempt: an answer that is cut short never ends cleanly") {
  using Ending = void (*)(Bench&);
  const Ending end = [](Bench& bench) { bench.hear_end(); };
  const Ending unclean_end = [](Bench& bench) { bench.hear_end(false); };
  const Ending reset = [](Bench& bench) { bench.hear_reset(); };
  struct Case {
    std::string_view answer;
    Ending ending;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", end},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", end},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", reset},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", end},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", end},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", end},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n", end},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello, world", end},
      {"HTTP/1.1 200 OK\r\n\r\nhello", reset},
      {"HTTP/1.0 200 OK\r\n\r\nhello", unclean_end}};
  for (const Case& example : cases) {
    CAPTURE(example.answer);
    Bench bench;
    bench.start();
    bench.hear(example.answer);
    example.ending(bench);
    CHECK(bench.status == 200);
    CHECK(bench.sink.aborted().has_value());
    CHECK_FALSE(bench.sink.ended());
    CHECK(bench.done);
    CHECK_FALSE(bench.attempt->facts().cut_short.empty());
    CHECK(bench.closed);
    CHECK(bench.buffers.bytes_used() == 0);
  }
}

TEST_CASE("attempt: every place where a chunked answer can be cut is an abort") {
  const std::string_view answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  const std::size_t head = answer.find("\r\n\r\n") + 4;
  for (std::size_t at = head; at < answer.size(); ++at) {
    Bench bench;
    bench.start();
    bench.hear(answer.substr(0, at));
    bench.hear_end();
    CHECK(bench.sink.aborted().has_value());
    CHECK_FALSE(bench.sink.ended());
    CHECK(bench.closed);
  }
}

TEST_CASE("attempt: an answer that ends with the connection") {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello"}) {
    Bench bench;
    bench.start();
    bench.hear(answer);
    CHECK_FALSE(bench.done);
    CHECK(bench.sink.text() == "hello");
    CHECK(bench.sink.flushes() > 0);  // it may go on to the client before the end
    bench.hear_end();
    CHECK(bench.done);
    CHECK(bench.sink.ended());
    CHECK_FALSE(bench.sink.aborted().has_value());
    CHECK(bench.idle() == 0);
    CHECK(bench.closed);
  }
}

TEST_CASE("attempt: without close_notify a framed answer is complete all the same") {
  Bench bench;
  bench.start();
  bench.origin->receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  bench.hear_end(false);
  CHECK(bench.done);
  CHECK(bench.sink.ended());
  CHECK(bench.idle() == 0);  // the end was there already
}

TEST_CASE("attempt: answers without a body") {
  struct Case {
    Method method;
    std::string_view name, answer;
  };
  const Case cases[] = {
      {Method::head, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
      {Method::head, "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {Method::get, "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
      {Method::get, "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
      {Method::get, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
  for (const Case& example : cases) {
    CAPTURE(example.answer);
    Bench bench;
    bench.head.method = example.method;
    bench.head.method_text = example.name;
    bench.start();
    bench.hear(example.answer);
    CHECK(bench.done);
    CHECK(bench.sink.text().empty());
    CHECK(bench.sink.ended());
    CHECK(bench.idle() == 1);
  }
}

TEST_CASE("attempt: when the connection may not be used again it is closed") {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloX",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n"}) {
    CAPTURE(answer);
    Bench bench;
    bench.start();
    bench.hear(answer);
    CHECK(bench.done);
    CHECK(bench.sink.text() == "hello");
    CHECK(bench.sink.ended());
    CHECK(bench.idle() == 0);
    CHECK(bench.closed);
  }
}

TEST_CASE("attempt: an HTTP/1.0 origin that keeps the connection is taken at its word") {
  Bench bench;
  bench.start();
  bench.hear("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(bench.done);
  CHECK(bench.idle() == 1);
}

TEST_CASE("attempt: without a pool the origin is told that the connection ends") {
  Bench bench;
  bench.upstream.keepalive.value = 0;
  Group group(bench.loop, bench.upstream, nullptr);
  auto transport = std::make_unique<MemoryTransport>();
  auto* origin = transport.get();
  Attempt attempt(
      bench.loop, bench.buffers, bench.arena, group, *group.peers()[0],
      AttemptRequest{
          .head = bench.head, .target = "/x", .conf = bench.location, .answer = bench.received},
      bench);
  attempt.start_on(group.pool().adopt(*group.peers()[0], std::move(transport)));
  CHECK(origin->sent().find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("attempt: 103 passes, an unasked 100 does not, and there is an end to them") {
  Bench bench;
  bench.start();
  bench.hear(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 "
      "Processing\r\n\r\n");
  CHECK(bench.informational == "103;102;");
  CHECK(bench.continues == 0);
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(bench.done);

  Bench endless;
  endless.start();
  for (unsigned i = 0; i <= Attempt::informational_max; ++i)
    endless.hear("HTTP/1.1 103 Early\r\n\r\n");
  REQUIRE(endless.failed);
  CHECK(endless.failed->kind == AttemptFailure::invalid);
}

TEST_CASE("attempt: the client's body goes with the head, in framing of our own") {
  Bench bench;
  bench.post({BodyKind::length, 5});
  TextSource source(bench.make());
  source.hold("hello", true);
  bench.start();
  CHECK(bench.origin->writes() == 1);
  CHECK(bench.origin->sent() ==
        "POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello");
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(bench.done);
  CHECK(bench.idle() == 1);
}

TEST_CASE("attempt: the head does not wait for a body that has not come yet") {
  Bench bench;
  bench.post({BodyKind::chunked});
  TextSource source(bench.make());
  bench.start();
  CHECK(bench.origin->take_sent().ends_with("Transfer-Encoding: chunked\r\n\r\n"));
  source.give("hello", false);
  CHECK(bench.origin->take_sent() == "5\r\nhello\r\n");
  source.give("", true);
  CHECK(bench.origin->take_sent() == "0\r\n\r\n");
}

TEST_CASE("attempt: a slow origin holds the client's body back, and nothing is lost") {
  for (const std::size_t room : {1u, 7u, 64u, 1000u}) {
    CAPTURE(room);
    Bench bench;
    bench.post({BodyKind::length, 10'000});
    TextSource source(bench.make());
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "0123456789";
    source.hold(text, true);
    auto transport = std::make_unique<MemoryTransport>();
    bench.origin = transport.get();
    bench.origin->set_room(0);
    bench.attempt->start_on(
        bench.group.pool().adopt(*bench.group.peers()[0], std::move(transport)));
    CHECK(source.left() == text.size());
    for (int turn = 0; source.left() > 0; ++turn) {
      REQUIRE(turn < 20'000);
      const std::size_t before = bench.origin->sent().size();
      bench.origin->set_room(room);
      bench.deliver();
      CHECK(bench.origin->sent().size() - before <= room);
    }
    CHECK(bench.origin->sent().ends_with("\r\n\r\n" + text));
    bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(bench.done);
    CHECK(bench.idle() == 1);
  }
}

TEST_CASE("attempt: an origin that takes a part of the first body bytes gets the rest later") {
  Bench bench;
  bench.post({BodyKind::length, 1000});
  TextSource source(bench.make());
  const std::string text(1000, 'x');
  source.hold(text, true);
  auto transport = std::make_unique<MemoryTransport>();
  bench.origin = transport.get();
  bench.origin->set_room(300);
  bench.attempt->start_on(bench.group.pool().adopt(*bench.group.peers()[0], std::move(transport)));
  CHECK(source.left() > 0);
  CHECK(source.left() < text.size());
  bench.origin->set_room(MemoryTransport::unlimited);
  bench.deliver();
  CHECK(source.left() == 0);
  CHECK(bench.origin->sent().ends_with("\r\n\r\n" + text));
}

TEST_CASE("attempt: a slow client holds the origin back: nothing is read while its room is full") {
  Bench bench;
  bench.sink.set_room(10);
  bench.start();
  const std::string body(1 << 20, 'x');
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
             body);
  CHECK(bench.sink.text().size() == 10);
  const std::size_t unread = bench.origin->unread();
  CHECK(unread >= body.size() - 16 * 1024);
  CHECK(bench.buffers.bytes_used() == 16 * 1024);
  bench.deliver();
  bench.origin->receive("");
  bench.deliver();
  CHECK(bench.origin->unread() == unread);
  for (int turn = 0; !bench.done; ++turn) {
    REQUIRE(turn < 1000);
    bench.sink.add_room(8 * 1024);
    bench.deliver();
    CHECK(bench.buffers.bytes_used() <= 32 * 1024);
  }
  CHECK(bench.sink.text() == body);
  CHECK(bench.sink.ended());
  CHECK(bench.buffers.bytes_used() == 0);
}

TEST_CASE("attempt: a fast pair shares the turn: after a megabyte others are let in") {
  Bench bench;
  bench.start();
  const std::string body(4 << 20, 'x');
  bench.origin->receive("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\n\r\n" + body);
  bench.origin->deliver();
  CHECK_FALSE(bench.done);
  CHECK(bench.sink.text().size() >= Attempt::bytes_per_turn_max / 2);
  CHECK(bench.sink.text().size() < body.size());
  CHECK(bench.origin->asked_again());
  bench.deliver();
  CHECK(bench.done);
  CHECK(bench.sink.text() == body);
}

TEST_CASE("attempt: Expect: 100-continue waits for the origin's word") {
  Bench bench;
  bench.post({BodyKind::length, 5});
  bench.head.fields.add("Expect", "100-continue");
  TextSource source(bench.make());
  source.hold("hello", true);
  bench.start();
  CHECK(bench.origin->sent().ends_with("\r\n\r\n"));
  CHECK(bench.origin->sent().find("Expect: 100-continue\r\n") != std::string::npos);
  CHECK(source.left() == 5);
  SUBCASE("100: the client is let go on") {
    bench.hear("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(bench.continues == 1);
    CHECK(source.left() == 0);
    CHECK(bench.origin->sent().ends_with("\r\n\r\nhello"));
    bench.hear("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(bench.continues == 1);
    CHECK(bench.done);
    CHECK(bench.idle() == 1);
  }
  SUBCASE("a refusal: the body is never sent, the connection not used again") {
    bench.hear("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    CHECK(bench.status == 413);
    CHECK(bench.continues == 0);
    CHECK(bench.done);
    CHECK(source.left() == 5);
    CHECK(bench.idle() == 0);
    CHECK(bench.closed);
  }
}

TEST_CASE("attempt: an origin that ignores Expect is given the body after a while") {
  Bench bench;
  bench.post({BodyKind::length, 5});
  bench.head.fields.add("Expect", "100-continue");
  TextSource source(bench.make());
  source.hold("hello", true);
  bench.start();
  while (bench.continues == 0) bench.loop.turn(2000ms);
  CHECK(source.left() == 0);
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(bench.done);
  CHECK(bench.idle() == 1);
}

TEST_CASE("attempt: an early final answer is passed on while the body still uploads") {
  Bench bench;
  bench.post({BodyKind::chunked});
  TextSource source(bench.make());
  source.hold("first", false);
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nea");
  CHECK(bench.status == 200);
  CHECK(bench.sink.text() == "ea");
  bench.origin->take_sent();
  source.give("second", false);
  CHECK(bench.origin->take_sent() == "6\r\nsecond\r\n");
  bench.hear("rly!");
  CHECK(bench.done);
  CHECK(bench.sink.text() == "early!");
  CHECK(bench.idle() == 0);  // the request was not complete
  CHECK(bench.closed);
}

TEST_CASE("attempt: an early answer and then the whole body: the connection may go on") {
  Bench bench;
  bench.post({BodyKind::chunked});
  TextSource source(bench.make());
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
  source.give("body", true);
  bench.hear("k");
  CHECK(bench.done);
  CHECK(bench.idle() == 1);
}

TEST_CASE("attempt: an origin that answers and stops reading is heard, not lost") {
  Bench bench;
  bench.post({BodyKind::length, 100});
  TextSource source(bench.make());
  bench.start();
  bench.origin->receive("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
  bench.origin->receive_reset();
  source.give("some bytes", false);  // the write breaks before the answer was read
  bench.deliver();
  CHECK(bench.status == 413);
  CHECK(bench.sink.text() == "big");
  CHECK(bench.sink.ended());
  CHECK(bench.done);
  CHECK(bench.closed);
}

TEST_CASE("attempt: a request whose body breaks off is not completed for the origin") {
  Bench bench;
  bench.post({BodyKind::chunked});
  TextSource source(bench.make());
  source.hold("hello", false);
  bench.start();
  bench.attempt->abort({Side::client, "client closed"});
  CHECK_FALSE(bench.failed);  // not inside the call
  bench.loop.turn(0ms);
  bench.loop.turn(0ms);
  REQUIRE(bench.failed);
  CHECK(bench.failed->kind == AttemptFailure::request_body);
  CHECK(bench.failed->error.side == Side::client);
  CHECK(bench.closed);
}

TEST_CASE("attempt: after 101 for what we asked the connection is the tunnel's, with early bytes") {
  Bench bench;
  bench.offered_upgrade = "websocket";
  bench.start();
  CHECK(bench.origin->sent().find("Upgrade: websocket\r\n") != std::string::npos);
  bench.hear(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n\x81\x05hello");
  CHECK(bench.status == 101);
  CHECK(bench.protocol == "websocket");
  CHECK(bench.tunnel.get() == bench.origin);
  CHECK(bench.early == "\x81\x05hello");
  CHECK_FALSE(bench.done);
  CHECK_FALSE(bench.failed);
}

TEST_CASE("attempt: an upgrade that is refused stays HTTP, one to something else is invalid") {
  Bench refused;
  refused.offered_upgrade = "websocket";
  refused.start();
  refused.hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  CHECK(refused.done);
  CHECK(refused.sink.text() == "no");
  CHECK(refused.idle() == 1);

  Bench other;
  other.offered_upgrade = "websocket";
  other.start();
  other.hear("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  REQUIRE(other.failed);
  CHECK(other.failed->kind == AttemptFailure::invalid);
}

TEST_CASE("attempt: silence where an answer is due is a read timeout") {
  Bench bench;
  bench.location.proxy_read_timeout.value = 30ms;
  bench.start();
  const auto started = clock::now();
  while (!bench.ended()) bench.loop.turn(1000ms);
  REQUIRE(bench.failed);
  CHECK(bench.failed->kind == AttemptFailure::read_timeout);
  CHECK(clock::now() - started >= 30ms);
  CHECK(status_of(bench.failed->kind) == 504);
}

TEST_CASE("attempt: silence inside an answer cuts it short") {
  Bench bench;
  bench.location.proxy_read_timeout.value = 30ms;
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  while (!bench.ended()) bench.loop.turn(1000ms);
  CHECK(bench.done);
  CHECK(bench.sink.aborted().has_value());
}

TEST_CASE("attempt: while the client does not read, the origin is not blamed for silence") {
  Bench bench;
  bench.location.proxy_read_timeout.value = 20ms;
  bench.sink.set_room(1);
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const auto started = clock::now();
  while (clock::now() - started < 60ms) bench.loop.turn(20ms);
  CHECK_FALSE(bench.ended());
  bench.sink.add_room(10);
  CHECK(bench.done);
  CHECK(bench.sink.ended());
}

TEST_CASE("attempt: an origin that does not take the request is a send timeout") {
  Bench bench;
  bench.location.proxy_send_timeout.value = 30ms;
  bench.post({BodyKind::length, 5});
  TextSource source(bench.make());
  source.hold("hello", true);
  auto transport = std::make_unique<MemoryTransport>();
  bench.origin = transport.get();
  bench.origin->watch_destruction(bench.closed);
  bench.origin->set_room(3);
  bench.attempt->start_on(bench.group.pool().adopt(*bench.group.peers()[0], std::move(transport)));
  while (!bench.ended()) bench.loop.turn(1000ms);
  REQUIRE(bench.failed);
  CHECK(bench.failed->kind == AttemptFailure::send_timeout);
  CHECK(bench.failed->sent);
}

TEST_CASE("attempt: while the client uploads slowly the origin owes nothing") {
  Bench bench;
  bench.location.proxy_read_timeout.value = 20ms;
  bench.location.proxy_send_timeout.value = 20ms;
  bench.post({BodyKind::length, 5});
  TextSource source(bench.make());
  source.hold("he", false);
  bench.start();
  const auto started = clock::now();
  while (clock::now() - started < 60ms) bench.loop.turn(20ms);
  CHECK_FALSE(bench.ended());
}

TEST_CASE("attempt: without memory it waits, and goes on when there is some") {
  Bench bench;
  const std::string large(5000, 'x');
  std::vector<char*> blocks;
  const auto take_all = [&] {
    while (char* block = bench.buffers.take(BufferPool::block_bytes_max)) blocks.push_back(block);
  };
  const auto give_all = [&] {
    for (char* block : blocks) bench.buffers.give(block, BufferPool::block_bytes_max);
    blocks.clear();
    bench.buffers.wake();
  };
  bench.head.fields.add("X-Large", large);
  take_all();
  bench.start();
  CHECK(bench.origin->sent().empty());
  give_all();
  CHECK(bench.origin->sent().ends_with("\r\n\r\n"));

  take_all();
  bench.hear("HTTP/1.1 200 OK\r\nX-Large: " + large + "\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(bench.status == 0);
  give_all();
  CHECK(bench.done);
  CHECK(bench.sink.text() == "hello");
}

TEST_CASE("attempt: a small exchange goes through whatever the pool says") {
  Bench bench;
  std::vector<char*> blocks;
  while (char* block = bench.buffers.take(BufferPool::block_bytes_max)) blocks.push_back(block);
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(bench.done);
  CHECK(bench.sink.text() == "hello");
  for (char* block : blocks) bench.buffers.give(block, BufferPool::block_bytes_max);
}

TEST_CASE("attempt: a head that can't be sent is our failure, told after the call") {
  Bench bench;
  bench.head.fields.add("X-Bad", "a\nb");
  bench.start();
  CHECK_FALSE(bench.failed);
  bench.loop.turn(0ms);
  REQUIRE(bench.failed);
  CHECK(bench.failed->kind == AttemptFailure::local);
  CHECK_FALSE(bench.failed->sent);
}

TEST_CASE("attempt: cancelling is the destructor, at any moment") {
  for (const std::string_view heard :
       {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"}) {
    Bench bench;
    bench.start();
    if (!heard.empty()) bench.hear(heard);
    bench.attempt.reset();
    CHECK_FALSE(bench.sink.has_source());
    bench.loop.turn(0ms);
    bench.loop.turn(0ms);
    CHECK(bench.closed);
    CHECK(bench.buffers.bytes_used() == 0);
    CHECK(bench.idle() == 0);
  }
}

TEST_CASE("attempt: cancel() is safe inside whatever the attempt calls, and silences it") {
  enum class Inside { informational, response, write, continue_, resume };
  for (const Inside inside : {Inside::informational, Inside::response, Inside::write,
                              Inside::continue_, Inside::resume}) {
    CAPTURE(static_cast<int>(inside));
    Bench bench;
    Attempt& attempt = bench.make();
    const auto cancel = [&attempt] { attempt.cancel(); };
    if (inside == Inside::informational) bench.meddle_informational = cancel;
    if (inside == Inside::response) bench.meddle_response = cancel;
    if (inside == Inside::continue_) bench.meddle_continue = cancel;
    if (inside == Inside::write) bench.sink.on_write(cancel);
    std::optional<TextSource> source;
    if (inside == Inside::continue_ || inside == Inside::resume) {
      bench.post({BodyKind::chunked});
      bench.attempt.reset();
      bench.make();
    }
    if (inside == Inside::continue_) {
      bench.head.fields.add("Expect", "100-continue");
      bench.meddle_continue = [&bench] { bench.attempt->cancel(); };
    }
    if (inside == Inside::resume) {
      source.emplace(*bench.attempt);
      source->on_resume([&bench] { bench.attempt->cancel(); });
    }
    bench.start();
    bench.hear(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 "
        "OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    CHECK_FALSE(bench.ended());
    CHECK_FALSE(bench.sink.has_source());
    CHECK(bench.sink.writes() == (inside == Inside::write ? 1 : 0));
    bench.deliver();
    CHECK(bench.closed);
    bench.attempt.reset();
    CHECK(bench.buffers.bytes_used() == 0);
  }
}

TEST_CASE("attempt: an exchange that ends when its answer is cut short hears no more") {
  Bench bench;
  bench.start();
  bench.sink.on_abort([&bench] { bench.attempt->cancel(); });
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
  bench.hear_end();
  CHECK(bench.sink.aborted().has_value());
  CHECK_FALSE(bench.done);
  CHECK(bench.closed);
}

TEST_CASE("attempt: once cancelled it does not touch its sink, which may go first") {
  Bench bench;
  bench.heap_sink = std::make_unique<RecordingSink>();
  bench.start();
  bench.hear("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
  bench.attempt->cancel();
  CHECK(bench.heap_sink->text() == "hel");
  CHECK_FALSE(bench.heap_sink->has_source());
  bench.heap_sink.reset();
  bench.attempt.reset();
  CHECK_FALSE(bench.ended());
}

TEST_CASE("attempt: each kind of failure has a name and a status") {
  for (int kind = 0; kind <= static_cast<int>(AttemptFailure::request_body); ++kind) {
    const auto failure = static_cast<AttemptFailure>(kind);
    CHECK_FALSE(name_of(failure).empty());
    CHECK(status_of(failure) >= 400);
    CHECK(status_of(failure) <= 504);
  }
}
