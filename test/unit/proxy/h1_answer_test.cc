#include "proxy/h1_answer.h"

#include <doctest/doctest.h>

#include "http/h1_body.h"
#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::Wire;
using test::WireTransport;

namespace {

struct Bench {
  Wire wire;
  WireTransport transport{wire, Side::client, Address()};
  Arena arena;
  H1Answer answer{transport, arena};
  ResponseHead head;

  explicit Bench(BodyFraming framing, bool trailers = false) {
    head.status = 200;
    head.reason = "OK";
    Outgoing outgoing;
    outgoing.framing = framing;
    REQUIRE(answer.begin(head, outgoing, trailers));
  }

  // As a source does: offers the same bytes again until they are taken; `room` more each time.
  void offer(std::string_view bytes, bool last, std::size_t room) {
    for (int tries = 0; tries < 10000; ++tries) {
      const std::size_t taken = answer.write(bytes, last);
      REQUIRE(taken <= bytes.size());
      bytes.remove_prefix(taken);
      if (bytes.empty() && (!last || answer.ended())) return;
      wire.room = room;
    }
    FAIL("never taken");
  }
  void finish(std::size_t room) {
    for (int tries = 0; tries < 10000 && !answer.sent() && !answer.broken(); ++tries) {
      wire.room = room;
      answer.flush();
    }
  }
};

std::string unchunked(std::string_view message) {
  const auto start = message.find("\r\n\r\n");
  REQUIRE(start != message.npos);
  std::string_view rest = message.substr(start + 4);
  const Limits limits;
  BodyDecoder decoder;
  decoder.start({BodyKind::chunked}, limits, Side::upstream);
  std::string body;
  while (!rest.empty() && !decoder.done()) {
    const auto step = decoder.decode(rest);
    REQUIRE(step);
    body += step->payload;
    rest.remove_prefix(step->consumed);
  }
  CHECK(decoder.done());
  CHECK(rest.empty());
  return body;
}

}  // namespace

TEST_CASE("answer: head and first bytes leave in one write") {
  Bench bench({BodyKind::length, 5});
  CHECK(bench.wire.from_code.empty());
  CHECK(bench.answer.write("hello", true) == 5);
  CHECK(bench.wire.writes == 1);
  CHECK(bench.answer.sent());
  CHECK(bench.wire.from_code == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");

  Bench chunked({BodyKind::chunked});
  CHECK(chunked.answer.write("hello", true) == 5);
  CHECK(chunked.wire.writes == 1);
  CHECK(chunked.wire.from_code ==
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
}

TEST_CASE("answer: however little room the kernel has, nothing is lost or doubled") {
  const std::string body =
      "The quick brown fox jumps over the lazy dog, and then again, and again.";
  for (const bool separate_end : {false, true}) {
    for (std::size_t piece = 1; piece <= body.size(); piece += 7) {
      for (std::size_t room = 1; room < 60; ++room) {
        CAPTURE(piece);
        CAPTURE(room);
        for (const BodyFraming framing :
             {BodyFraming{BodyKind::chunked}, BodyFraming{BodyKind::length, body.size()},
              BodyFraming{BodyKind::until_close}}) {
          Bench bench(framing);
          bench.wire.room = room;
          for (std::size_t at = 0; at < body.size(); at += piece)
            bench.offer(body.substr(at, piece), !separate_end && at + piece >= body.size(), room);
          if (separate_end) bench.offer({}, true, room);
          bench.finish(room);
          REQUIRE(bench.answer.sent());
          CHECK(bench.answer.body_bytes_sent() == body.size());
          CHECK(bench.answer.bytes_sent() == bench.wire.from_code.size());
          if (framing.kind == BodyKind::chunked) {
            CHECK(unchunked(bench.wire.from_code) == body);
          } else {
            CHECK(bench.wire.from_code.ends_with("\r\n\r\n" + body));
          }
        }
      }
    }
  }
}

TEST_CASE("answer: a source that grows its offer behind a chunk that was begun") {
  const std::string body(100, 'x');
  for (std::size_t room = 60; room < 200; ++room) {
    Bench bench({BodyKind::chunked});
    bench.wire.room = room;
    const std::size_t taken = bench.answer.write(body, false);
    bench.wire.room = 100000;
    bench.offer(body.substr(taken) + "and more", true, 100000);
    bench.finish(100000);
    CHECK(unchunked(bench.wire.from_code) == body + "and more");
  }
}

TEST_CASE("answer: trailers go behind the last chunk, to those who asked") {
  Fields trailers;
  trailers.add("X-Sum", "1");
  trailers.add("Content-Length", "7");
  for (const bool wanted : {false, true}) {
    Bench bench({BodyKind::chunked}, wanted);
    bench.answer.set_trailers(trailers);
    bench.offer("ab", false, 100000);
    bench.offer({}, true, 100000);
    bench.finish(100000);
    const std::string end = wanted ? "2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n" : "2\r\nab\r\n0\r\n\r\n";
    CHECK(bench.wire.from_code.ends_with("\r\n\r\n" + end));
  }
}

TEST_CASE("answer: more or less than was announced is never sent as if it were whole") {
  Bench more({BodyKind::length, 3});
  CHECK(more.answer.write("abcd", true) == 0);
  CHECK(more.answer.broken());
  Bench less({BodyKind::length, 3});
  CHECK(less.answer.write("ab", true) == 0);
  CHECK(less.answer.broken());
}
