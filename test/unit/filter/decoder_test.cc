#include "filter/decoder.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "test/unit/filter/texts.h"

using namespace weir;

namespace {

std::string coded(ContentCoding coding, std::string_view text, int level = 1) {
  CoderMemory memory(1 << 26);
  const auto encoder = make_encoder(fitted({coding, level, 65536}, std::nullopt), memory);
  REQUIRE(encoder->start(std::nullopt));
  return test::encoded(*encoder, text);
}

std::string raw_deflate(std::string text, int level = 6) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("decoders: pieces and rooms of any size give the same") {
  const std::string text = test::page(3000);
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    CoderMemory memory(1 << 26);
    const auto decoder = make_decoder(coding, memory);
    const std::string whole = coded(coding, text);
    for (const std::size_t piece : {1, 2, 3, 7, 100, 100'000}) {
      for (const std::size_t room : {1, 2, 100, 3000, 10'000}) {
        CAPTURE(piece);
        CAPTURE(room);
        REQUIRE(decoder->start());
        const auto back = test::decoded(*decoder, whole, piece, room);
        CHECK(back.done);
        CHECK(back.text == text);
      }
    }
  }
}

TEST_CASE("decoders: a body that is cut anywhere is refused") {
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    const std::string whole = coded(coding, test::page(3000));
    CoderMemory memory(1 << 26);
    const auto decoder = make_decoder(coding, memory);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      REQUIRE(decoder->start());
      const auto back = test::decoded(*decoder, whole.substr(0, size), 64, 512);
      CHECK_FALSE(back.done);
      CHECK(back.broken != "");
    }
  }
}

TEST_CASE("decoders: bytes behind the end are refused") {
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    const std::string whole = coded(coding, "some text");
    CoderMemory memory(1 << 26);
    const auto decoder = make_decoder(coding, memory);
    for (const std::size_t piece : {std::size_t{1}, whole.size(), whole.size() + 10}) {
      REQUIRE(decoder->start());
      CHECK(test::decoded(*decoder, whole + "x", piece).broken != "");
      REQUIRE(decoder->start());
      CHECK(test::decoded(*decoder, whole + std::string(4, '\0'), piece).broken != "");
    }
  }
}

TEST_CASE("decoders: a wrong checksum or length is refused") {
  std::string gzip = coded(ContentCoding::gzip, "some text");
  for (std::size_t from_end = 1; from_end <= 8; ++from_end) {
    std::string wrong = gzip;
    wrong[wrong.size() - from_end] ^= 1;
    CHECK(test::decoded(ContentCoding::gzip, wrong).broken != "");
  }
  std::string deflate = coded(ContentCoding::deflate, "some text");
  deflate.back() ^= 1;
  CHECK(test::decoded(ContentCoding::deflate, deflate).broken != "");
}

TEST_CASE("decoders: several gzip members are one body, as are several zstd frames") {
  for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::zstd}) {
    const std::string whole = coded(coding, "one, ") + coded(coding, "") + coded(coding, "two");
    CoderMemory memory(1 << 26);
    const auto decoder = make_decoder(coding, memory);
    for (const std::size_t piece : {1, 3, 1000}) {
      for (const std::size_t room : {1, 5, 1000}) {
        REQUIRE(decoder->start());
        const auto back = test::decoded(*decoder, whole, piece, room);
        CHECK(back.done);
        CHECK(back.text == "one, two");
      }
    }
  }
}

TEST_CASE("decoders: deflate is taken raw as well, in pieces of any size") {
  CoderMemory memory(1 << 26);
  const auto decoder = make_decoder(ContentCoding::deflate, memory);
  for (const std::string& text : {std::string(), std::string("x"), test::page(5000)}) {
    for (const int level : {0, 1, 9}) {
      const std::string raw = raw_deflate(text, level);
      for (const std::size_t piece : {1, 2, 3, 10'000}) {
        for (const std::size_t room : {1, 100, 10'000}) {
          REQUIRE(decoder->start());
          const auto back = test::decoded(*decoder, raw, piece, room);
          CHECK(back.done);
          CHECK(back.text == text);
        }
      }
      REQUIRE(decoder->start());
      CHECK(test::decoded(*decoder, raw + "x").broken != "");
      REQUIRE(decoder->start());
      CHECK(test::decoded(*decoder, raw.substr(0, raw.size() - 1)).broken != "");
    }
  }
}

TEST_CASE("decoders: what is no coding at all is refused, as is an empty body") {
  for (const ContentCoding coding : real_codings) {
    CAPTURE(coding_name(coding));
    CHECK(test::decoded(coding, "").broken != "");
    CHECK(test::decoded(coding, "<html>no coding at all</html>").broken != "");
  }
}

TEST_CASE("decoders: zstd windows beyond 8 MiB are refused") {
  // Magic, no single segment, window descriptor 2^24; an empty raw last block.
  CHECK(test::decoded(ContentCoding::zstd, std::string("\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00", 9))
            .broken != "");
  CHECK(test::decoded(ContentCoding::zstd, std::string("\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00", 9))
            .done);
}

TEST_CASE(
    "decoders: corrupted bodies end in an error or a text, and the next body is whole again") {
  std::minstd_rand random(3);
  const std::string text = test::page(4000);
  for (const ContentCoding coding : real_codings) {
    const std::string whole = coded(coding, text);
    CoderMemory memory(1 << 26);
    const auto decoder = make_decoder(coding, memory);
    for (int round = 0; round < 2000; ++round) {
      std::string wrong = whole;
      for (unsigned changes = 1 + random() % 4; changes > 0; --changes)
        wrong[random() % wrong.size()] = static_cast<char>(random());
      REQUIRE(decoder->start());
      const auto back = test::decoded(*decoder, wrong, 1 + random() % 900, 1 + random() % 900);
      CHECK(back.done == (back.broken == ""));
    }
    REQUIRE(decoder->start());
    CHECK(test::decoded(*decoder, whole).text == text);
  }
}
