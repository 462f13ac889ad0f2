#include "proxy/slice_map.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace weir;

namespace {

constexpr std::int64_t now = 1'700'000'000'000;

Fields fields_of(const std::vector<std::pair<std::string_view, std::string_view>>& lines) {
  Fields fields;
  for (const auto& [name, value] : lines) fields.add(name, value);
  return fields;
}

}  // namespace

TEST_CASE("slice map: slices cover the whole, without a gap and without a byte twice") {
  for (const std::uint64_t total : {1U, 9U, 10U, 11U, 99U, 100U, 101U, 1000U}) {
    for (const std::uint64_t size : {1U, 7U, 10U, 100U, 2000U}) {
      CAPTURE(total);
      CAPTURE(size);
      const SliceMap map{total, size, "w"};
      std::uint64_t next = 0;
      for (std::uint64_t number = 0; number < map.count(); ++number) {
        const ByteRange range = map.range_of(number);
        CHECK(range.first == next);
        CHECK(range.first == map.begin_of(number));
        CHECK(range.size() <= size);
        CHECK((range.size() == size || number + 1 == map.count()));
        CHECK(map.number_at(range.first) == number);
        CHECK(map.number_at(range.last) == number);
        next = range.last + 1;
      }
      CHECK(next == total);
    }
  }
}

TEST_CASE("slice map: it is read as it was written, and nothing else is") {
  const SliceMap map{1'000'000'000'000, 1 << 20, "0123abcd"};
  CHECK(SliceMap::parse(map.text()) == map);
  for (const char* text : {"", " ", "1", "1 2", "1 2 ", "0 2 w", "1 0 w", "x 2 w", "1 x w",
                           "-1 2 w", "99999999999999999999 2 w", "9223372036854775807 2 w"}) {
    CAPTURE(text);
    CHECK_FALSE(SliceMap::parse(text));
  }
  std::string key;
  map.append_slice_key("httphost/a", 17, key);
  CHECK(key == "httphost/a\n@0123abcd.17");
}

TEST_CASE("content-range: one part of a known length") {
  const auto part = parse_content_range("bytes 5-9/10");
  REQUIRE(part);
  CHECK(part->range == ByteRange{5, 9});
  CHECK(part->total == 10);
  CHECK_FALSE(part->is_all());
  CHECK(parse_content_range("bytes 0-9/10")->is_all());
  for (const char* text :
       {"", "bytes", "bytes ", "bytes */10", "bytes 5-9/*", "bytes 9-5/10", "bytes 5-10/10",
        "bytes 5-9/10 ", "bytes -9/10", "bytes 5-/10", "items 5-9/10", "bytes=5-9/10",
        "bytes 0-18446744073709551615/18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("slices: which one a client wants first") {
  struct Case {
    std::string_view range;
    std::uint64_t number;
  };
  for (const Case& test : std::vector<Case>{{"bytes=0-", 0},
                                            {"bytes=99-", 0},
                                            {"bytes=100-", 1},
                                            {"bytes=199-200", 1},
                                            {"bytes=12345-12399", 123},
                                            {"bytes=-5", 0},
                                            {"bytes=300-301,0-1", 3},
                                            {"bytes=-5,300-301", 0},
                                            {"bytes=9-5", 0},
                                            {"items=300-301", 0},
                                            {"bytes=9223372036854775807-", 0}}) {
    CAPTURE(test.range);
    CHECK(first_slice_wanted(fields_of({{"Range", test.range}}), 100) == test.number);
  }
  CHECK(first_slice_wanted({}, 100) == 0);
  CHECK(first_slice_wanted(fields_of({{"Range", "bytes=300-"}, {"Range", "bytes=1-"}}), 100) == 0);
}

TEST_CASE("slices: what tells one version from another (RFC 9110 8.8)") {
  const char* old = "Sun, 01 Nov 2020 08:00:00 GMT";
  const char* other = "Sun, 01 Nov 2020 08:00:01 GMT";
  const auto of = [](const Fields& fields) { return SliceValidator::of(fields, now); };
  const Fields strong = fields_of({{"ETag", "\"a\""}, {"Last-Modified", old}});
  CHECK(of(strong).is_usable);
  CHECK(of(strong).condition() == "\"a\"");
  CHECK(of(strong).matches(fields_of({{"ETag", "\"a\""}})));
  CHECK_FALSE(of(strong).matches(fields_of({{"ETag", "\"b\""}, {"Last-Modified", old}})));
  CHECK_FALSE(of(strong).matches(fields_of({{"ETag", "W/\"a\""}, {"Last-Modified", old}})));
  CHECK_FALSE(of(strong).matches({}));

  const Fields dated = fields_of({{"Last-Modified", old}});
  CHECK(of(dated).is_usable);
  CHECK(of(dated).condition() == old);
  CHECK(of(dated).matches(dated));
  CHECK_FALSE(of(dated).matches(fields_of({{"Last-Modified", other}})));
  CHECK_FALSE(of(dated).matches(strong));

  const Fields weak = fields_of({{"ETag", "W/\"a\""}, {"Last-Modified", old}});
  CHECK(of(weak).is_usable);  // by its date
  CHECK(of(weak).condition() == old);
  CHECK_FALSE(of(weak).matches(fields_of({{"ETag", "W/\"b\""}, {"Last-Modified", old}})));

  CHECK_FALSE(of({}).is_usable);
  CHECK_FALSE(of(fields_of({{"ETag", "W/\"a\""}})).is_usable);
  CHECK_FALSE(of(fields_of({{"Last-Modified", "yesterday"}})).is_usable);
  // Within a second there may have been another.
  CHECK_FALSE(of(fields_of({{"Last-Modified", old}, {"Date", old}})).is_usable);
  CHECK(of(fields_of({{"Last-Modified", old}, {"Date", other}})).is_usable);
}
