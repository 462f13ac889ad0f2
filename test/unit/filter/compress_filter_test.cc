#include "filter/compress_filter.h"

#include <doctest/doctest.h>

#include "test/unit/filter/texts.h"
#include "test/unit/support/bodies.h"

using namespace weir;
using test::RecordingSink;
using test::TextSource;

namespace {

std::chrono::nanoseconds slice_cost{0}, time_now{0};
std::chrono::nanoseconds fake_clock() {
  time_now += slice_cost;
  return time_now;
}

struct Bench {
  explicit Bench(const EncoderSpec& spec, FlushPace pace = FlushPace::relaxed,
                 std::optional<std::uint64_t> length = std::nullopt,
                 std::size_t room = RecordingSink::unlimited)
      : coding(spec.coding),
        sink(room),
        filter(loop, turns, pool.encoder(spec, length), pace),
        source(filter) {
    filter.set_next(&sink);
  }
  std::string text() const { return test::decoded(coding, sink.text()).text; }
  void turn(int times = 1) {
    while (times-- > 0) loop.turn(std::chrono::milliseconds(0));
  }

  Loop loop;
  CoderTurns turns{loop, fake_clock};
  CoderPool pool{std::uint64_t{1} << 26};
  ContentCoding coding;
  RecordingSink sink;
  CompressFilter filter;
  TextSource source;
};

const EncoderSpec gzip{ContentCoding::gzip, 6, 32768};

}  // namespace

TEST_CASE("compress filter: a body that comes at once leaves at once, in one write") {
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    const std::string text = test::page(30'000);
    Bench bench(spec, FlushPace::relaxed, text.size());
    bench.source.give(text, true);
    CHECK(bench.sink.ended());
    CHECK(bench.sink.writes() == 1);
    CHECK(bench.text() == text);
    CHECK(bench.filter.completed());
    CHECK(bench.filter.bytes_in() == text.size());
    CHECK(bench.filter.bytes_out() == bench.sink.text().size());
    CHECK(bench.pool.out() == 0);
  }
}

TEST_CASE("compress filter: an empty body is an empty body in its coding") {
  for (const EncoderSpec& spec : test::specs()) {
    Bench bench(spec);
    bench.source.give("", true);
    CHECK(bench.sink.ended());
    CHECK(test::decoded(spec.coding, bench.sink.text()).done);
    CHECK(bench.text().empty());
  }
}

TEST_CASE("compress filter: a sink that takes a byte at a time gets it all") {
  for (const EncoderSpec& spec : test::specs()) {
    const std::string text = test::page(100'000) + test::noise(20'000);
    Bench bench(spec, FlushPace::relaxed, std::nullopt, 0);
    bench.source.give(text, true);
    for (std::size_t i = 0; i < 200'000 && !bench.sink.ended(); ++i) bench.sink.add_room(1);
    CHECK(bench.sink.ended());
    CHECK(bench.text() == text);
  }
}

TEST_CASE("compress filter: while the sink takes nothing, little is taken from the source") {
  Bench bench(gzip, FlushPace::relaxed, std::nullopt, 0);
  bench.source.give(test::noise(1'000'000), true);
  CHECK(bench.source.left() > 800'000);
  CHECK(bench.filter.bytes_out() == 0);
  bench.filter.resume();
  bench.filter.resume();
  CHECK(bench.source.left() > 800'000);
}

TEST_CASE("compress filter: eager flushes let each event out at once") {
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    Bench bench(spec, FlushPace::eager);
    std::string sent;
    for (int event = 0; event < 20; ++event) {
      sent += "data: event\n\n";
      bench.source.give("data: event\n\n", false);
      bench.filter.flush();
      CHECK(bench.sink.flushes() == static_cast<std::size_t>(event) + 1);
      CHECK(bench.text() == sent);
    }
    bench.source.give("", true);
    CHECK(test::decoded(spec.coding, bench.sink.text()).done);
    CHECK(bench.text() == sent);
  }
}

TEST_CASE("compress filter: relaxed flushes share a block, and go out after a while") {
  Bench bench(gzip);
  bench.source.give("some of it, ", false);
  bench.filter.flush();
  bench.source.give("some more", false);
  bench.filter.flush();
  CHECK(bench.sink.text().empty());
  for (int i = 0; i < 100 && bench.sink.flushes() == 0; ++i)
    bench.loop.turn(std::chrono::milliseconds(20));
  CHECK(bench.sink.flushes() == 1);
  CHECK(bench.sink.writes() == 1);
  CHECK(bench.text() == "some of it, some more");
}

TEST_CASE("compress filter: a flush that falls due while the end waits for the sink is no matter") {
  for (const EncoderSpec& spec : test::specs()) {
    const std::string text = test::noise(30'000);
    Bench bench(spec, FlushPace::relaxed, std::nullopt, 0);
    bench.source.give(text, false);
    bench.filter.flush();
    bench.source.give("", true);
    bench.sink.add_room(20'000);
    for (int i = 0; i < 3; ++i) bench.loop.turn(std::chrono::milliseconds(15));
    while (!bench.sink.ended()) bench.sink.add_room(500);
    CHECK(bench.text() == text);
  }
}

TEST_CASE("compress filter: a flush before any of the body reaches the sink") {
  for (const FlushPace pace : {FlushPace::eager, FlushPace::relaxed}) {
    Bench bench(gzip, pace);
    bench.filter.flush();
    CHECK(bench.sink.flushes() == 1);
    CHECK(bench.sink.writes() == 0);
  }
}

TEST_CASE("compress filter: abort passes through and gives the coder back, also inside a write") {
  for (const bool inside : {false, true}) {
    Bench bench(gzip);
    if (inside) {
      bench.sink.on_write([&] { bench.filter.abort({Side::upstream, "gone"}); });
    }
    bench.source.give(test::noise(100'000), false);
    if (!inside) bench.filter.abort({Side::upstream, "gone"});
    REQUIRE(bench.sink.aborted());
    CHECK(bench.sink.aborted()->what == "gone");
    CHECK(bench.pool.out() == 0);
    CHECK(bench.filter.over());
    CHECK_FALSE(bench.filter.completed());
    CHECK(bench.filter.write("more", true) == 0);
    bench.filter.flush();
    bench.filter.resume();
    bench.turn(5);
  }
}

TEST_CASE("compress filter: a sink may unbind inside its write") {
  Bench bench(gzip);
  bench.sink.on_write([&] { bench.filter.set_next(nullptr); });
  bench.source.give(test::noise(200'000), true);
  CHECK(bench.sink.writes() == 1);
  CHECK_FALSE(bench.sink.ended());
  bench.filter.resume();
  bench.turn(3);
}

TEST_CASE("compress filter: a large body is worked on in several turns") {
  slice_cost = std::chrono::milliseconds(1);
  const std::string text = test::page(400'000);
  Bench bench(gzip);
  bench.source.give(text, true);
  CHECK_FALSE(bench.sink.ended());
  CHECK(bench.source.left() > 200'000);
  int turns = 0;
  for (; turns < 100 && !bench.sink.ended(); ++turns) bench.turn();
  CHECK(turns >= 5);
  CHECK(bench.sink.ended());
  CHECK(bench.text() == text);
  slice_cost = {};
}

TEST_CASE("compress filter: trailers come before the last write") {
  Bench bench(gzip);
  Fields fields;
  fields.add("x-sum", "1");
  bench.source.give("text", false);
  bench.filter.trailers(fields);
  CHECK(bench.sink.trailer_text() == "x-sum=1;");
  CHECK_FALSE(bench.sink.ended());
}

TEST_CASE("compress filter: long bodies with sinks, pieces, flushes and budgets of any kind") {
  std::minstd_rand random(7);
  const auto all = test::specs();
  for (int round = 0; round < 36; ++round) {
    CAPTURE(round);
    const EncoderSpec spec = all[static_cast<std::size_t>(round) % all.size()];
    if (spec.level > 9) continue;  // minutes
    slice_cost = std::chrono::microseconds(random() % 1500);
    const std::string text =
        test::page(100'000 + random() % 200'000, static_cast<unsigned>(random())) +
        test::noise(random() % 60'000);
    Bench bench(spec, random() % 2 == 0 ? FlushPace::eager : FlushPace::relaxed, std::nullopt, 0);
    if (random() % 2 == 0)
      bench.sink.on_write([&] {
        if (random() % 8 == 0) bench.sink.set_room(random() % 3000);
      });
    std::size_t at = 0;
    for (int step = 0; step < 100'000 && !bench.sink.ended(); ++step) {
      const std::size_t piece = std::min(text.size() - at, std::size_t{random() % 20'000});
      if (at < text.size()) {
        at += piece;
        bench.source.give(std::string_view(text).substr(at - piece, piece), at == text.size());
      }
      if (random() % 4 == 0) bench.filter.flush();
      if (random() % 2 == 0) bench.turn();
      bench.sink.add_room(random() % 5000);
    }
    CHECK(bench.sink.ended());
    CHECK(bench.text() == text);
    CHECK(bench.pool.out() == 0);
  }
  slice_cost = {};
}
