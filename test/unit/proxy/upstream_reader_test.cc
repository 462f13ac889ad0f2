#include "proxy/upstream_reader.h"

#include <doctest/doctest.h>

#include "test/unit/support/bodies.h"
#include "test/unit/support/memory_transport.h"

using namespace weir;
using test::MemoryTransport;
using test::RecordingSink;
using Filled = UpstreamReader::Filled;
using Passed = UpstreamReader::Passed;

namespace {

struct Bench {
  BufferPool pool;
  Limits limits;
  MemoryTransport transport{Side::upstream, Address()};
  UpstreamReader reader;

  explicit Bench(std::size_t buffer_max = BufferPool::block_bytes_max,
                 std::size_t pool_bytes = std::size_t{4} << 20)
      : pool(pool_bytes), reader(pool, limits, buffer_max) {}
};

constexpr std::size_t kib = 1024;

}  // namespace

TEST_CASE("upstream reader: nothing to read holds no memory") {
  Bench bench;
  CHECK(bench.reader.fill(bench.transport) == Filled::again);
  CHECK(bench.pool.bytes_used() == 0);
}

TEST_CASE("upstream reader: heads come one by one, what is behind stays") {
  Bench bench;
  bench.transport.receive("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody");
  REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
  auto head = bench.reader.find_head();
  REQUIRE(head);
  CHECK(*head == "HTTP/1.1 103 Early\r\n\r\n");
  bench.reader.drop_head();
  head = bench.reader.find_head();
  REQUIRE(head);
  CHECK(*head == "HTTP/1.1 200 OK\r\n\r\n");
  bench.reader.drop_head();
  CHECK(bench.reader.rest() == "body");
}

TEST_CASE("upstream reader: the end of the body travels with its last bytes") {
  Bench bench;
  RecordingSink sink;
  SUBCASE("length") {
    bench.transport.receive("hello");
    bench.reader.start_body({BodyKind::length, 5});
  }
  SUBCASE("chunked") {
    bench.transport.receive("5\r\nhello\r\n0\r\n\r\n");
    bench.reader.start_body({BodyKind::chunked});
  }
  REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
  const auto passed = bench.reader.pass(sink);
  REQUIRE(passed);
  CHECK(*passed == Passed::done);
  CHECK(sink.text() == "hello");
  CHECK(sink.ended());
  CHECK(sink.writes() == 1);
  CHECK(bench.reader.rest().empty());
}

TEST_CASE("upstream reader: no body is one empty last write") {
  Bench bench;
  RecordingSink sink;
  bench.reader.start_body({BodyKind::none});
  const auto passed = bench.reader.pass(sink);
  REQUIRE(passed);
  CHECK(*passed == Passed::done);
  CHECK(sink.ended());
}

TEST_CASE("upstream reader: a full sink keeps the rest waiting, byte by byte if need be") {
  Bench bench;
  RecordingSink sink(0);
  bench.transport.receive("3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n");
  bench.reader.start_body({BodyKind::chunked});
  REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
  for (int byte = 0; byte < 7; ++byte) {
    const auto passed = bench.reader.pass(sink);
    REQUIRE(passed);
    CHECK(*passed == Passed::full);
    sink.add_room(1);
  }
  const auto passed = bench.reader.pass(sink);
  REQUIRE(passed);
  CHECK(*passed == Passed::done);
  CHECK(sink.text() == "abcdefg");
  CHECK(sink.trailer_text() == "X-T=1;");
}

TEST_CASE("upstream reader: the buffer grows fourfold while the sink empties it, up to its bound") {
  Bench bench(128 * kib);
  RecordingSink sink;
  bench.transport.receive(std::string(1024 * kib, 'x'));
  bench.reader.start_body({BodyKind::until_close});
  std::size_t at_most = 0;
  for (const std::size_t expected : {16 * kib, 64 * kib, 128 * kib, 128 * kib}) {
    const std::size_t before = bench.reader.bytes_received();
    REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
    CHECK(bench.reader.bytes_received() - before == expected);
    at_most = std::max(at_most, bench.pool.bytes_used());
    REQUIRE(bench.reader.pass(sink));
  }
  CHECK(at_most == 128 * kib);
}

TEST_CASE("upstream reader: a sink that does not keep up gets smaller bites") {
  Bench bench;
  RecordingSink sink;
  bench.transport.receive(std::string(4096 * kib, 'x'));
  bench.reader.start_body({BodyKind::until_close});
  for (int i = 0; i < 5; ++i) {
    REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
    REQUIRE(bench.reader.pass(sink));
  }
  CHECK(bench.pool.bytes_used() == 256 * kib);
  RecordingSink slow(0);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(bench.reader.fill(bench.transport) == Filled::bytes);
    REQUIRE(bench.reader.pass(slow));  // full
    slow.add_room(256 * kib);
    const auto passed = bench.reader.pass(slow);
    REQUIRE(passed);
    CHECK(*passed == Passed::drained);
    while (bench.transport.unread() > 0 && bench.reader.fill(bench.transport) == Filled::bytes) {
      const auto more = bench.reader.pass(slow);
      REQUIRE(more);
      if (*more == Passed::drained) continue;
      slow.add_room(256 * kib);
      REQUIRE(bench.reader.pass(slow));
      break;
    }
  }
  CHECK(bench.pool.bytes_used() <= 256 * kib);
}

TEST_CASE(
    "upstream reader: an empty pool means small bites, one without large blocks smaller ones") {
  Bench none(BufferPool::block_bytes_max, 0);
  RecordingSink drip;
  none.transport.receive(std::string(10 * kib, 'x'));
  none.reader.start_body({BodyKind::until_close});
  while (none.transport.unread() > 0) {
    const std::size_t before = none.reader.bytes_received();
    REQUIRE(none.reader.fill(none.transport) == Filled::bytes);
    CHECK(none.reader.bytes_received() - before <= BufferPool::reserve_bytes);
    REQUIRE(none.reader.pass(drip));
  }
  CHECK(drip.text().size() == 10 * kib);

  Bench large(BufferPool::block_bytes_max, 0);  // a head beyond the reserve has to wait
  large.transport.receive("HTTP/1.1 200 OK\r\nX: " + std::string(5 * kib, 'x'));
  REQUIRE(large.reader.fill(large.transport) == Filled::bytes);
  REQUIRE(large.reader.find_head());
  CHECK(large.reader.fill(large.transport) == Filled::no_memory);

  Bench tight(BufferPool::block_bytes_max, 16 * kib);
  RecordingSink sink;
  tight.transport.receive(std::string(64 * kib, 'x'));
  tight.reader.start_body({BodyKind::until_close});
  while (tight.transport.unread() > 0) {
    REQUIRE(tight.reader.fill(tight.transport) == Filled::bytes);
    REQUIRE(tight.reader.pass(sink));
  }
  CHECK(sink.text().size() == 64 * kib);
}

TEST_CASE("upstream reader: ends and breaks are told") {
  Bench bench;
  bench.transport.receive_end();
  CHECK(bench.reader.fill(bench.transport) == Filled::eof);
  Bench broken;
  broken.transport.receive_reset("connection reset by peer");
  CHECK(broken.reader.fill(broken.transport) == Filled::error);
  CHECK(broken.reader.error().what == "connection reset by peer");
}
