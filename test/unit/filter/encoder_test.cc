#include "filter/encoder.h"

#include <doctest/doctest.h>

#include "test/unit/filter/texts.h"

using namespace weir;
using Upto = Encoder::Upto;

namespace {

struct Bench {
  explicit Bench(const EncoderSpec& spec, std::optional<std::uint64_t> length = std::nullopt)
      : coding(spec.coding),
        encoder(make_encoder(fitted(spec, length), memory)),
        decoder(make_decoder(spec.coding, memory)) {
    REQUIRE(encoder);
    REQUIRE(encoder->start(length));
    REQUIRE(decoder->start());
  }
  CoderMemory memory{std::uint64_t{1} << 30};
  ContentCoding coding;
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Decoder> decoder;
};

}  // namespace

TEST_CASE("encoders: what every coding and level makes is decoded to the same") {
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    CAPTURE(spec.level);
    for (const std::string& text :
         {std::string(), std::string("x"), test::page(2000), test::page(100'000),
          test::noise(70'000), std::string(100'000, 'z')}) {
      CAPTURE(text.size());
      for (const bool known : {false, true}) {
        const std::optional<std::uint64_t> length =
            known ? std::optional<std::uint64_t>(text.size()) : std::nullopt;
        Bench bench(spec, length);
        const std::string coded = test::encoded(*bench.encoder, text, known ? 64 : 4096);
        const auto back = test::decoded(*bench.decoder, coded);
        CHECK(back.done);
        CHECK(back.broken == "");
        CHECK(back.text == text);
      }
    }
  }
}

TEST_CASE("encoders: what was flushed decodes to all that was put in, at every split") {
  const std::string text = "a short text, a short text with some of it again: a short text";
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    CAPTURE(spec.level);
    Bench bench(spec);
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (std::size_t second = first; second <= text.size(); second += 7) {
        REQUIRE(bench.encoder->start(std::nullopt));
        std::string coded;
        REQUIRE(test::run(*bench.encoder, text.substr(0, first), Upto::flush, coded, 64));
        REQUIRE(bench.decoder->start());
        CHECK(test::decoded(*bench.decoder, coded, 5, 100, false).text == text.substr(0, first));
        REQUIRE(
            test::run(*bench.encoder, text.substr(first, second - first), Upto::whenever, coded));
        REQUIRE(test::run(*bench.encoder, text.substr(second), Upto::flush, coded));
        REQUIRE(bench.decoder->start());
        CHECK(test::decoded(*bench.decoder, coded, 5, 100, false).text == text);
        REQUIRE(test::run(*bench.encoder, "", Upto::end, coded));
        REQUIRE(bench.decoder->start());
        const auto back = test::decoded(*bench.decoder, coded, 3, 100);
        CHECK(back.done);
        CHECK(back.text == text);
      }
    }
  }
}

TEST_CASE("encoders: a body that was given up leaves nothing for the next") {
  const std::string text = test::page(50'000);
  for (const EncoderSpec& spec : test::specs()) {
    CAPTURE(coding_name(spec.coding));
    CAPTURE(spec.level);
    Bench fresh(spec), used(spec);
    const std::string coded = test::encoded(*fresh.encoder, text);
    for (const Upto upto : {Upto::whenever, Upto::flush, Upto::end}) {
      std::vector<char> room(64);
      used.encoder->run(test::noise(40'000), room, upto);
      used.encoder->stop();
      REQUIRE(used.encoder->start(std::nullopt));
      CHECK(test::encoded(*used.encoder, text) == coded);
      REQUIRE(used.encoder->start(std::nullopt));
    }
  }
}

TEST_CASE("encoders: a small body gets a small window, and none is larger than its coding takes") {
  CHECK(fitted({ContentCoding::gzip, 6, 1 << 20}, std::nullopt).window == 32768);
  CHECK(fitted({ContentCoding::zstd, 3, 1 << 30}, std::nullopt).window == 8 << 20);
  CHECK(fitted({ContentCoding::br, 5, 1 << 19}, 2000).window == 2048);
  CHECK(fitted({ContentCoding::br, 5, 1 << 19}, 2040).window ==
        4096);  // 16 bytes of it are not used
  CHECK(fitted({ContentCoding::gzip, 6, 32768}, 2000).window == 2048);
  CHECK(fitted({ContentCoding::gzip, 0, 32768}, 2000) == fitted({ContentCoding::gzip, 0, 0}, 10));
  CHECK(fitted({ContentCoding::zstd, 99, 65536}, std::uint64_t{1} << 40).level == 19);
  CHECK(encoder_bytes_max(fitted({ContentCoding::zstd, 3, 4 << 20}, 2000)) <
        encoder_bytes_max(fitted({ContentCoding::zstd, 3, 4 << 20}, std::nullopt)) / 8);
}
