#include "proxy/copy_maker.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>

#include "../cache/store_support.h"
#include "cache/key.h"
#include "proxy/coded_copy.h"
#include "proxy/wanted_copy.h"

namespace weir {
namespace {

using cache::Found;
using cache::How;

std::string inflated(std::string_view coded) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 31) == Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

constexpr EncoderSpec gzip9{ContentCoding::gzip, 9, 32768};

// A store with an answer and a copy of it that stands for one of level 1.
struct Bench {
  Bench() {
    cache::StoreSizes sizes;
    sizes.bytes = 8 << 20;
    store = cache::make_store(sizes);
    put_answer();
    put_copy(std::string(90'000, 'x'));
  }
  void put_answer() {
    REQUIRE(cache::put(*store, "answer", body));
    key = "answer";
    const Found found = store->find(store->key("answer"));
    cache::append_copy_key("gzip", found.reader.body_word(), key);
  }
  void put_copy(const std::string& bytes, int level = 1) {
    How how;
    how.facts = copy_facts(level);
    how.fields = {};
    REQUIRE(cache::put(*store, key, bytes, how));
  }
  bool wish() const { return store->wish(store->key("answer"), wish_of(gzip9)); }
  CopyMaker::Step run() {
    auto step = CopyMaker::Step::goes_on;
    while (step == CopyMaker::Step::goes_on) step = maker().step();
    return step;
  }
  CopyMaker& maker() {
    if (!maker_) maker_ = std::make_unique<CopyMaker>(*store, coders);
    return *maker_;
  }

  std::string body = cache::body_of("some text", 100'000), key;
  std::unique_ptr<cache::Store> store;
  CoderPool coders{64 << 20};
  std::unique_ptr<CopyMaker> maker_;
};

TEST_CASE("copy maker: a wish comes back as it was made") {
  for (const EncoderSpec spec : {gzip9, EncoderSpec{ContentCoding::br, 11, 1 << 22},
                                 EncoderSpec{ContentCoding::zstd, 19, 1 << 23},
                                 EncoderSpec{ContentCoding::deflate, 0, 1 << 15}}) {
    CHECK(wish_of(spec) < 1U << 31);
    CHECK(spec_of_wish(wish_of(spec)) == spec);
  }
  CHECK_FALSE(spec_of_wish(0));
  CHECK_FALSE(spec_of_wish((1U << 31) - 1));
}

TEST_CASE("copy maker: a copy is made anew in place of the one before, once") {
  Bench bench;
  CHECK_FALSE(bench.maker().take());
  REQUIRE(bench.wish());
  REQUIRE(bench.maker().take());
  REQUIRE(bench.wish());  // while it is made
  CHECK(bench.run() == CopyMaker::Step::made);
  Found copy = bench.store->find(bench.store->key(bench.key));
  REQUIRE(copy.kind == Found::Kind::answer);
  CHECK(copy.reader.facts().level == 9);
  CHECK(copy.reader.body_bytes() < 90'000);
  CHECK(inflated(cache::read_all(copy.reader)) == bench.body);
  CHECK_FALSE(bench.maker().take());
}

TEST_CASE("copy maker: where harder is not smaller the copy stays, and is not tried again") {
  Bench bench;
  bench.put_copy("tiny");
  REQUIRE(bench.wish());
  REQUIRE(bench.maker().take());
  CHECK(bench.run() == CopyMaker::Step::made);
  Found copy = bench.store->find(bench.store->key(bench.key));
  REQUIRE(copy.kind == Found::Kind::answer);
  CHECK(cache::read_all(copy.reader) == "tiny");
  CHECK(copy.reader.facts().level == 9);
}

TEST_CASE("copy maker: nothing is made for a body that is another by now") {
  Bench bench;
  REQUIRE(bench.wish());
  REQUIRE(bench.maker().take());
  bench.body = cache::body_of("another text", 100'000);
  bench.put_answer();
  CHECK(bench.run() == CopyMaker::Step::dropped);
  CHECK_FALSE(cache::has(*bench.store, bench.key));
}

TEST_CASE("copy maker: without a copy, or for slices, there is nothing to make") {
  Bench bench;
  REQUIRE(bench.wish());
  bench.store->remove(bench.store->key(bench.key));
  CHECK_FALSE(bench.maker().take());

  How how;
  how.facts.flags = cache::fact::sliced;
  REQUIRE(cache::put(*bench.store, "answer", bench.body, how));
  REQUIRE(bench.wish());
  CHECK_FALSE(bench.maker().take());
}

}  // namespace
}  // namespace weir
