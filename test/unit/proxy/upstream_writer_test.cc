#include "proxy/upstream_writer.h"

#include <doctest/doctest.h>

#include "http/h1_body.h"
#include "test/unit/support/memory_transport.h"

using namespace weir;
using test::MemoryTransport;

namespace {

struct Bench {
  BufferPool pool{std::size_t{1} << 20};
  MemoryTransport transport;
  UpstreamWriter writer{pool};
  RequestHead head;

  Bench() {
    head.method = Method::post;
    head.method_text = "POST";
    head.fields.add("Host", "example.com");
    writer.bind(transport);
  }
  void begin(const BodyFraming& framing) {
    const auto begun = writer.begin(head, "/x", {.framing = framing});
    REQUIRE(begun);
    CHECK(*begun == UpstreamWriter::Begun::yes);
  }
};

constexpr std::string_view chunked_head =
    "POST /x HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n";

// What is behind the head, out of its chunks.
std::string unchunked(std::string_view message) {
  REQUIRE(message.substr(0, chunked_head.size()) == chunked_head);
  std::string_view rest = message.substr(chunked_head.size());
  const Limits limits;
  BodyDecoder decoder;
  decoder.start({BodyKind::chunked}, limits, Side::client);
  std::string body;
  while (!rest.empty()) {
    const auto step = decoder.decode(rest);
    REQUIRE(step);
    body += step->payload;
    rest.remove_prefix(step->consumed);
    if (decoder.done()) break;
  }
  CHECK(decoder.done());
  CHECK(rest.empty());
  return body;
}

}  // namespace

TEST_CASE("upstream writer: head and first body bytes leave in one write") {
  Bench bench;
  bench.begin({BodyKind::length, 5});
  CHECK(bench.writer.write("hello", true) == 5);
  CHECK(bench.transport.sent() ==
        "POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(bench.transport.writes() == 1);
  CHECK(bench.writer.complete());
  CHECK(bench.writer.bytes_sent() == bench.transport.sent().size());
  CHECK(bench.pool.bytes_used() == 0);
}

TEST_CASE("upstream writer: a chunk and the end of the body leave with the head") {
  Bench bench;
  bench.begin({BodyKind::chunked});
  CHECK(bench.writer.write("hello", true) == 5);
  CHECK(bench.transport.sent() == std::string(chunked_head) + "5\r\nhello\r\n0\r\n\r\n");
  CHECK(bench.transport.writes() == 1);
  CHECK(bench.writer.complete());
}

TEST_CASE("upstream writer: without a body the head is the whole request") {
  Bench bench;
  bench.begin({BodyKind::none});
  CHECK_FALSE(bench.writer.complete());
  bench.writer.send();
  CHECK(bench.transport.sent() == "POST /x HTTP/1.1\r\nHost: example.com\r\n\r\n");
  CHECK(bench.writer.complete());
  CHECK_FALSE(bench.writer.wants_body());
}

TEST_CASE("upstream writer: a body of length 0 says so and is complete with the head") {
  Bench bench;
  bench.begin({BodyKind::length, 0});
  bench.writer.send();
  CHECK(bench.transport.sent() ==
        "POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n");
  CHECK(bench.writer.complete());
}

TEST_CASE("upstream writer: the end of a chunked body may come later, and empty") {
  Bench bench;
  bench.begin({BodyKind::chunked});
  CHECK(bench.writer.write("hello", false) == 5);
  CHECK_FALSE(bench.writer.complete());
  CHECK(bench.writer.write("", true) == 0);
  CHECK(bench.writer.complete());
  CHECK(unchunked(bench.transport.sent()) == "hello");
}

TEST_CASE("upstream writer: an empty body whose end came before the connection") {
  Bench bench;
  CHECK(bench.writer.write("", true) == 0);
  bench.begin({BodyKind::chunked});
  CHECK_FALSE(bench.writer.wants_body());
  bench.writer.send();
  CHECK(unchunked(bench.transport.sent()).empty());
  CHECK(bench.writer.complete());
}

TEST_CASE("upstream writer: trailers follow the last chunk") {
  Bench bench;
  bench.begin({BodyKind::chunked});
  Fields trailers;
  trailers.add("X-Checksum", "abc");
  trailers.add("Content-Length", "7");
  bench.writer.trailers(trailers);
  CHECK(bench.writer.write("hello", true) == 5);
  CHECK(bench.transport.sent() ==
        std::string(chunked_head) + "5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n");
  CHECK(bench.writer.complete());
}

TEST_CASE(
    "upstream writer: whatever room the transport has at a time, nothing is lost or doubled") {
  const std::string body = "The quick brown fox jumps over the lazy dog.";
  for (std::size_t room = 1; room <= 60; ++room) {
    for (const bool ends_with_bytes : {true, false}) {
      for (const BodyKind kind : {BodyKind::chunked, BodyKind::length}) {
        CAPTURE(room);
        Bench bench;
        bench.transport.set_room(0);
        bench.begin({kind, kind == BodyKind::length ? body.size() : 0});
        std::string_view left = body;
        bool end_told = false;
        for (int turn = 0; !bench.writer.complete(); ++turn) {
          REQUIRE(turn < 1000);
          bench.transport.set_room(room);
          bench.writer.send();
          if (bench.writer.blocked() || end_told) continue;
          const std::string_view offered = left.substr(0, 10);
          const bool last = ends_with_bytes ? offered.size() == left.size() : left.empty();
          const std::size_t taken = bench.writer.write(offered, last);
          left.remove_prefix(taken);
          end_told = last && taken == offered.size();
        }
        const std::string& sent = bench.transport.sent();
        if (kind == BodyKind::chunked) {
          CHECK(unchunked(sent) == body);
        } else {
          CHECK(sent.substr(sent.find("\r\n\r\n") + 4) == body);
        }
        CHECK(bench.writer.bytes_sent() == sent.size());
        CHECK(bench.writer.body_bytes_taken() == body.size());
      }
    }
  }
}

TEST_CASE(
    "upstream writer: it stays blocked until the transport has room, whoever asks it to send") {
  Bench bench;
  bench.begin({BodyKind::length, 10});
  bench.transport.set_room(64);  // the head and some of the body
  const std::size_t taken = bench.writer.write("0123456789", true);
  CHECK(taken > 0);
  CHECK(taken < 10);
  CHECK(bench.writer.blocked());
  bench.writer.send();
  CHECK(bench.writer.blocked());
  CHECK_FALSE(bench.writer.wants_body());
  bench.transport.set_room(100);
  bench.writer.send();
  CHECK_FALSE(bench.writer.blocked());
  CHECK(bench.writer.wants_body());
}

TEST_CASE("upstream writer: a closed gate lets the head out, not the body") {
  Bench bench;
  bench.writer.set_gate(false);
  bench.begin({BodyKind::length, 5});
  CHECK(bench.writer.write("hello", true) == 0);
  bench.writer.send();
  CHECK(bench.transport.sent().ends_with("\r\n\r\n"));
  CHECK_FALSE(bench.writer.wants_body());
  bench.writer.set_gate(true);
  CHECK(bench.writer.wants_body());
  CHECK(bench.writer.write("hello", true) == 5);
  CHECK(bench.transport.sent().ends_with("\r\n\r\nhello"));
  CHECK(bench.writer.complete());
}

TEST_CASE("upstream writer: a broken transport takes nothing more and is told") {
  Bench bench;
  bench.begin({BodyKind::length, 5});
  bench.transport.receive_reset();
  CHECK(bench.writer.write("hello", true) == 0);
  CHECK(bench.writer.broken());
  CHECK_FALSE(bench.writer.blocked());
  CHECK_FALSE(bench.writer.complete());
  CHECK_FALSE(bench.writer.wants_body());
}

TEST_CASE("upstream writer: what can't be sent is our own error, an empty pool none") {
  Bench bench;
  SUBCASE("a control byte in a field") {
    bench.head.fields.add("X-Bad", "a\r\nb");
    const auto begun = bench.writer.begin(bench.head, "/x", {});
    REQUIRE_FALSE(begun);
    CHECK(begun.error().side == Side::self);
  }
  SUBCASE("a head beyond the largest block") {
    const std::string huge(300 * 1024, 'x');
    bench.head.fields.add("X-Huge", huge);
    CHECK_FALSE(bench.writer.begin(bench.head, "/x", {}));
  }
  SUBCASE("a small head needs no pool") {
    BufferPool empty(0);
    UpstreamWriter writer(empty);
    writer.bind(bench.transport);
    const auto begun = writer.begin(bench.head, "/x", {});
    REQUIRE(begun);
    CHECK(*begun == UpstreamWriter::Begun::yes);
  }
  SUBCASE("no memory") {
    BufferPool empty(0);
    UpstreamWriter writer(empty);
    writer.bind(bench.transport);
    const std::string large(5000, 'x');
    bench.head.fields.add("X-Large", large);
    const auto begun = writer.begin(bench.head, "/x", {});
    REQUIRE(begun);
    CHECK(*begun == UpstreamWriter::Begun::no_memory);
    CHECK_FALSE(writer.begun());
  }
}

TEST_CASE("upstream writer: a head larger than a small block goes out whole") {
  Bench bench;
  const std::string large(40 * 1024, 'x');
  bench.head.fields.add("X-Large", large);
  bench.begin({BodyKind::none});
  bench.writer.send();
  CHECK(bench.transport.sent().find(large) != std::string::npos);
  CHECK(bench.writer.complete());
}
