// The directives of content codings.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::conf {
namespace {

std::string with(std::string_view line) {
  return "[server web]\nlisten = 80\n" + std::string(line) + "\n";
}

}  // namespace

TEST_CASE("codings: nothing is compressed by default, and all else has its default") {
  const Loaded loaded = test::load_text(with(""));
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const LocationConf& place = loaded.config->servers.at(0).base;
  CHECK(place.compress->codings.empty());
  CHECK(place.compress_types->match("text/html"));
  CHECK(place.compress_types->match("image/svg+xml"));
  CHECK_FALSE(place.compress_types->match("image/png"));
  CHECK(place.compress_min_length->bytes <= 256);
  CHECK(*place.compress_secrets);
  CHECK((*place.compress_upstream == CompressUpstream::off));
  CHECK(place.compress_level->of(ContentCoding::gzip) == CodingLevels::fast);
  CHECK(place.compress_cached_level->of(ContentCoding::br) == 9);
  CHECK_FALSE(*place.decompress);
}

TEST_CASE("codings: their order is kept, each stands once, and off is none") {
  const Loaded loaded = test::load_text(with("compress = gzip br"));
  REQUIRE(loaded.config);
  CHECK(loaded.config->servers.at(0).base.compress->codings ==
        std::vector{ContentCoding::gzip, ContentCoding::br});
  CHECK_FALSE(test::load_text(with("compress = br br")).config);
  CHECK_FALSE(test::load_text(with("compress = identity")).config);
  CHECK_FALSE(test::load_text(with("compress = br off")).config);
  CHECK(test::load_text(with("compress = lzma")).report().find("br, zstd, gzip, deflate") !=
        std::string::npos);
}

TEST_CASE("codings: a level that is not named keeps its default; levels have ranges") {
  const Loaded loaded =
      test::load_text(with("compress_level = gzip:6 br:9\ncompress_cached_level = br:11 gzip:off"));
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const LocationConf& place = loaded.config->servers.at(0).base;
  CHECK(place.compress_level->of(ContentCoding::gzip) == 6);
  CHECK(place.compress_level->of(ContentCoding::br) == 9);
  CHECK(place.compress_level->of(ContentCoding::zstd) == 1);
  CHECK(place.compress_cached_level->of(ContentCoding::br) == 11);
  CHECK(place.compress_cached_level->of(ContentCoding::gzip) == CachedLevels::off);
  CHECK(place.compress_cached_level->of(ContentCoding::zstd) == 15);
  for (const std::string_view bad :
       {"compress_level = br", "compress_level = br:10", "compress_level = gzip:0",
        "compress_level = zstd:fast", "compress_level = br:4 br:5", "compress_level = lz4:1",
        "compress_level = gzip:", "compress_level = gzip:99999999999999999999",
        "compress_cached_level = gzip:fast", "compress_cached_level = br:12",
        "compress_types = text", "compress_types = text/html text/html", "compress_window = 16k",
        "compress_window = 16m", "compress_upstream = on", "decompress_max_ratio = 1"}) {
    CAPTURE(bad);
    CHECK_FALSE(test::load_text(with(bad)).config);
  }
}

}  // namespace weir::conf
