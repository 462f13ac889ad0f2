#include "filter/coder_pool.h"

#include <doctest/doctest.h>

#include "test/unit/filter/texts.h"

using namespace weir;
using Upto = Encoder::Upto;

namespace {

const EncoderSpec gzip{ContentCoding::gzip, 6, 32768};
constexpr std::uint64_t mib = std::uint64_t{1} << 20;

std::string coded(CoderLease& lease, std::string_view text) {
  return test::encoded(lease.encoder(), text);
}

}  // namespace

TEST_CASE("coder pool: no encoder takes more than it was admitted with, whatever the body") {
  const std::string page = test::page(1'000'000), noise = test::noise(1'000'000);
  std::vector<EncoderSpec> specs;
  for (const int level : {0, 2, 4, 6, 9})
    for (const int bits : {10, 16, 18, 22})
      specs.push_back({ContentCoding::br, level, std::uint64_t{1} << bits});
  for (const int level : {1, 3, 9, 19})
    for (const int bits : {10, 16, 18, 22})
      specs.push_back({ContentCoding::zstd, level, std::uint64_t{1} << bits});
  for (const int level : {0, 1, 6})
    for (const int bits : {9, 12, 15})
      specs.push_back({ContentCoding::gzip, level, std::uint64_t{1} << bits});
  for (const EncoderSpec& wanted : specs) {
    const EncoderSpec spec = fitted(wanted, std::nullopt);
    CAPTURE(coding_name(spec.coding));
    CAPTURE(spec.level);
    CAPTURE(spec.window);
    // Slow levels get as much as fills their window twice.
    // As much as fills the window twice, where that is no matter of seconds.
    const std::size_t most_bytes = spec.level > 6 ? 400'000 : page.size();
    const auto bytes = std::min<std::size_t>(spec.window + 150'000, most_bytes);
    for (const std::string_view text : {std::string_view(page), std::string_view(noise)}) {
      CoderMemory memory(256 * mib);
      const auto encoder = make_encoder(spec, memory);
      REQUIRE(encoder->start(std::nullopt));
      std::string_view rest = text.substr(0, bytes);
      std::vector<char> room(4096);
      std::uint64_t most = memory.bytes_used();
      for (bool done = false; !done;) {
        const std::string_view now = rest.substr(0, 32768);
        const bool ends = now.size() == rest.size();
        const auto step = encoder->run(now, room, ends ? Upto::end : Upto::whenever);
        REQUIRE_FALSE(step.failed);
        rest.remove_prefix(step.taken);
        most = std::max(most, memory.bytes_used());
        done = ends && step.done;
      }
      CHECK(most <= encoder_bytes_max(spec));
    }
  }
}

TEST_CASE("coder pool: no decoder takes more than it was admitted with") {
  const std::string noise = test::noise(2'000'000);
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    CoderMemory coding_memory(256 * mib);
    const auto encoder = make_encoder(fitted({coding, 1, 8 << 20}, std::nullopt), coding_memory);
    REQUIRE(encoder->start(std::nullopt));
    std::string coded;
    REQUIRE(test::run(*encoder, noise, Upto::end, coded));
    CoderMemory memory(256 * mib);
    const auto decoder = make_decoder(coding, memory);
    REQUIRE(decoder->start());
    std::uint64_t most = 0;
    std::vector<char> room(4096);
    std::string_view rest = coded;
    for (bool done = false; !done;) {
      const auto step = decoder->run(rest, room, true);
      REQUIRE(step.broken == "");
      rest.remove_prefix(step.taken);
      most = std::max(most, memory.bytes_used());
      done = step.done;
    }
    CHECK(most <= decoder_bytes_max(coding));
  }
}

TEST_CASE("coder pool: where the bound is used up there is no lease, until one is back") {
  const std::uint64_t one = CoderPool::bytes_of(gzip, std::nullopt);
  CoderPool pool(3 * one);
  CoderLease a = pool.encoder(gzip, std::nullopt), b = pool.encoder(gzip, std::nullopt);
  CoderLease c = pool.encoder(gzip, std::nullopt);
  CHECK((a && b && c));
  CHECK(pool.out() == 3);
  CHECK(pool.bytes_promised() == 3 * one);
  CHECK_FALSE(pool.encoder(gzip, std::nullopt));
  CHECK_FALSE(pool.encoder({ContentCoding::br, 5, 65536}, std::nullopt));
  CHECK_FALSE(pool.decoder(ContentCoding::gzip));
  b.release();
  CHECK(pool.out() == 2);
  CHECK(pool.encoder(gzip, std::nullopt));
  CHECK_FALSE(pool.encoder({ContentCoding::identity, 0, 0}, std::nullopt));
}

TEST_CASE("coder pool: small bodies of known length need less, so more fit") {
  CoderPool pool(2 * mib);
  const EncoderSpec zstd{ContentCoding::zstd, 3, 4 * mib};
  CHECK_FALSE(pool.encoder(zstd, std::nullopt));
  CHECK(pool.encoder(zstd, 2000));
  CHECK(CoderPool::bytes_of(zstd, 2000) < 128 * 1024);
}

TEST_CASE("coder pool: what is idle makes way for what is wanted, and the bound holds") {
  CoderPool pool(8 * mib);
  const std::string text = test::page(200'000);
  std::minstd_rand random(5);
  const auto specs = test::specs();
  int served = 0;
  std::vector<CoderLease> out;
  for (int round = 0; round < 400; ++round) {
    EncoderSpec spec = specs[random() % specs.size()];
    spec.window = 65536;
    if (spec.level > 6) continue;
    CoderLease lease = pool.encoder(spec, std::nullopt);
    if (lease) {
      ++served;
      std::string part;
      const auto upto = random() % 2 == 0 ? Upto::end : Upto::whenever;
      CHECK(test::run(lease.encoder(), text, upto, part));
      if (upto == Upto::end) CHECK(test::decoded(spec.coding, part).text == text);
      out.push_back(std::move(lease));
    }
    CHECK(pool.bytes_used() <= pool.bytes_max());
    if (!lease && out.size() > random() % 4) out.erase(out.begin());
  }
  CHECK(served > 100);
}

TEST_CASE("coder pool: a thousand bodies cost no allocation once a few have gone through") {
  CoderPool pool(64 * mib);
  const std::string texts[] = {test::page(100'000), test::page(2'000), test::noise(30'000)};
  const EncoderSpec specs[] = {
      {ContentCoding::gzip, 0, 32768},    gzip,
      {ContentCoding::deflate, 1, 32768}, {ContentCoding::br, 1, 1 << 18},
      {ContentCoding::br, 4, 1 << 18},    {ContentCoding::zstd, 1, 1 << 18}};
  std::vector<char> room(4096);
  const auto round = [&](int number) {
    const EncoderSpec& spec = specs[static_cast<std::size_t>(number) % std::size(specs)];
    const std::string& text = texts[static_cast<std::size_t>(number / 6) % std::size(texts)];
    const bool known = number / 18 % 2 == 0;
    CoderLease lease =
        pool.encoder(spec, known ? std::optional<std::uint64_t>(text.size()) : std::nullopt);
    REQUIRE(lease);
    std::string_view rest = text;
    for (bool done = false; !done;) {
      const auto step = lease.encoder().run(rest, lease.output(), Upto::end);
      rest.remove_prefix(step.taken);
      done = step.done;
    }
  };
  for (int i = 0; i < 72; ++i) round(i);
  const std::uint64_t before = pool.allocations();
  for (int i = 0; i < 1000; ++i) round(i);
  CHECK(pool.allocations() == before);
}

TEST_CASE("coder pool: a coder that was used before makes the same bytes") {
  CoderPool pool(64 * mib);
  const std::string text = test::page(60'000);
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    CAPTURE(spec.level);
    std::string first;
    for (int i = 0; i < 3; ++i) {
      CoderLease lease = pool.encoder(spec, text.size());
      REQUIRE(lease);
      const std::string now = coded(lease, text);
      if (i == 0) first = now;
      CHECK(now == first);
      lease.release();
      CoderLease given_up = pool.encoder(spec, text.size());
      std::string part;
      test::run(given_up.encoder(), "something else", Upto::whenever, part);
    }
  }
}
