#include "filter/decompress_filter.h"

#include <doctest/doctest.h>

#include "test/unit/filter/texts.h"
#include "test/unit/support/bodies.h"

using namespace weir;
using test::RecordingSink;
using test::TextSource;

namespace {

std::string coded(ContentCoding coding, std::string_view text) {
  CoderMemory memory(1 << 26);
  const auto encoder = make_encoder(fitted({coding, 1, 65536}, std::nullopt), memory);
  REQUIRE(encoder->start(std::nullopt));
  return test::encoded(*encoder, text);
}

std::chrono::nanoseconds still_clock() {
  return std::chrono::nanoseconds(0);
}  // nothing takes any time

struct Bench {
  explicit Bench(ContentCoding coding, const DecompressLimits& limits = {},
                 std::size_t room = RecordingSink::unlimited)
      : sink(room), filter(turns, pool.decoder(coding), limits), source(filter) {
    filter.set_next(&sink);
  }
  void finish() {
    for (int i = 0; i < 1000 && !sink.ended() && !sink.aborted(); ++i)
      loop.turn(std::chrono::milliseconds(0));
  }
  Loop loop;
  CoderTurns turns{loop, still_clock};
  CoderPool pool{std::uint64_t{1} << 26};
  RecordingSink sink;
  DecompressFilter filter;
  TextSource source;
};

}  // namespace

TEST_CASE("decompress filter: a coded body comes out as it was") {
  const std::string text = test::page(300'000) + test::noise(50'000);
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    Bench bench(coding);
    bench.source.give(coded(coding, text), true);
    bench.finish();
    CHECK(bench.sink.ended());
    CHECK(bench.sink.text() == text);
    CHECK(bench.filter.bytes_out() == text.size());
    CHECK(bench.pool.out() == 0);
  }
}

TEST_CASE("decompress filter: a sink that takes a byte at a time gets it all") {
  const std::string text = test::page(40'000);
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    Bench bench(coding, {}, 0);
    bench.source.give(coded(coding, text), true);
    for (int i = 0; i < 50'000 && !bench.sink.ended(); ++i) {
      bench.sink.add_room(1);
      if (i % 1000 == 0) bench.loop.turn(std::chrono::milliseconds(0));
    }
    CHECK(bench.sink.text() == text);
  }
}

TEST_CASE("decompress filter: what was sent so far is out after a flush") {
  const std::string text = test::page(20'000);
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    CoderMemory memory(1 << 26);
    const auto encoder = make_encoder(fitted({coding, 1, 65536}, std::nullopt), memory);
    REQUIRE(encoder->start(std::nullopt));
    std::string part;
    REQUIRE(test::run(*encoder, text, Encoder::Upto::flush, part));
    Bench bench(coding);
    bench.source.give(part, false);
    bench.filter.flush();
    CHECK(bench.sink.text() == text);
    CHECK(bench.sink.flushes() == 1);
  }
}

TEST_CASE("decompress filter: bombs are given up, with little decoded and no memory taken") {
  const std::string zeros(10 << 20, '\0');
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    const std::string bomb = coded(coding, zeros);
    {
      Bench bench(coding, {0, 100});
      bench.source.give(bomb, true);
      bench.finish();
      REQUIRE(bench.sink.aborted());
      CHECK(bench.sink.aborted()->side == Side::upstream);
      CHECK(bench.sink.aborted()->what == "coded body stands for too much");
      CHECK(bench.sink.text().size() <= DecompressLimits::ratio_from + CoderPool::output_bytes);
    }
    {
      Bench bench(coding, {1'000'000, 0});
      bench.source.give(bomb, true);
      bench.finish();
      REQUIRE(bench.sink.aborted());
      CHECK(bench.sink.aborted()->what == "decoded body is too large");
      CHECK(bench.sink.text().size() <= 1'000'000);
      CHECK(bench.pool.out() == 0);
    }
    {
      Bench bench(coding, {0, 0}, 0);  // as long as nobody takes it, it is not decoded
      bench.source.give(bomb, true);
      bench.finish();
      CHECK(bench.pool.bytes_used() < 2'000'000);
      CHECK_FALSE(bench.sink.aborted());
    }
  }
}

TEST_CASE("decompress filter: what decodes to as much as is allowed is no bomb") {
  const std::string text = test::page(500'000);
  Bench bench(ContentCoding::gzip, {text.size(), 1});  // the ratio is judged from 1 MiB on
  bench.source.give(coded(ContentCoding::gzip, text), true);
  bench.finish();
  CHECK(bench.sink.ended());
}

TEST_CASE("decompress filter: a broken body is the sender's fault") {
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    Bench bench(coding);
    const std::string whole = coded(coding, test::page(50'000));
    bench.source.give(whole.substr(0, whole.size() / 2), true);
    bench.finish();
    REQUIRE(bench.sink.aborted());
    CHECK(bench.sink.aborted()->side == Side::upstream);
    CHECK_FALSE(bench.sink.ended());
    CHECK_FALSE(bench.filter.completed());
    CHECK(bench.pool.out() == 0);
  }
}
