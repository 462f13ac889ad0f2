#include "http/conditional.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace weir;

namespace {

constexpr std::int64_t now = 1'760'000'000'000;  // in October 2025
constexpr const char* monday = "Mon, 06 Oct 2025 10:00:00 GMT";
constexpr const char* monday_850 = "Monday, 06-Oct-25 10:00:00 GMT";
constexpr const char* tuesday = "Tue, 07 Oct 2025 10:00:00 GMT";
constexpr const char* sunday = "Sun, 05 Oct 2025 10:00:00 GMT";

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

RequestHead request_of(Method method, const Lines& lines) {
  RequestHead head;
  head.method = method;
  for (const auto& [name, value] : lines) head.fields.add(name, value);
  return head;
}

Validators validators(const Lines& lines) {
  Fields fields;
  for (const auto& [name, value] : lines) fields.add(name, value);
  return validators_of(fields, now);
}

}  // namespace

TEST_CASE("entity-tag: exactly what RFC 9110 8.8.3 writes") {
  for (const char* good : {"\"\"", "\"xyzzy\"", "W/\"xyzzy\"", "W/\"\"", "\"a,b\"", "\"\\\"",
                           "\"\xc3\xa9\"", "  \"a\"  ", "\"'!#~\""}) {
    CAPTURE(good);
    CHECK(parse_entity_tag(good));
  }
  for (const char* bad :
       {"", "*", "xyzzy", "\"xyzzy", "xyzzy\"", "w/\"a\"", "W/a", "W/ \"a\"", "\"a\"b", "\"a b\"",
        "\"a\tb\"", "\"a\"\"b\"", "\"", "W/\"", "\"\x7f\"", "\"a\", \"b\"", "'a'"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_entity_tag(bad));
  }
}

TEST_CASE("entity-tag: the comparisons of RFC 9110 8.8.3.2") {
  const EntityTag weak1{"\"1\"", true}, weak2{"\"2\"", true}, one{"\"1\"", false};
  CHECK_FALSE(strongly_equal(weak1, weak1));
  CHECK(weakly_equal(weak1, weak1));
  CHECK_FALSE(weakly_equal(weak1, weak2));
  CHECK_FALSE(strongly_equal(weak1, one));
  CHECK(weakly_equal(weak1, one));
  CHECK(strongly_equal(one, one));
}

TEST_CASE("preconditions: in the order of RFC 9110 13.2.2") {
  struct Case {
    std::string_view why;
    Lines request;
    Precondition of_get, of_put;
  };
  using enum Precondition;
  const Validators stored = validators({{"ETag", "\"a\""}, {"Last-Modified", monday}});
  for (const Case& test : std::vector<Case>{
           {"no condition", {}, none, none},
           // 13.1.1
           {"If-Match: the tag", {{"If-Match", "\"a\""}}, holds, holds},
           {"If-Match: in a list", {{"If-Match", "\"x\", \"a\""}}, holds, holds},
           {"If-Match: on two lines", {{"If-Match", "\"x\""}, {"If-Match", "\"a\""}}, holds, holds},
           {"If-Match: star", {{"If-Match", "*"}}, holds, holds},
           {"If-Match: another", {{"If-Match", "\"b\""}}, failed, failed},
           {"If-Match compares strongly", {{"If-Match", "W/\"a\""}}, failed, failed},
           {"If-Match: broken", {{"If-Match", "a"}}, failed, failed},
           {"If-Match: empty", {{"If-Match", ""}}, failed, failed},
           // 13.1.4, after 13.1.1
           {"If-Unmodified-Since: the date", {{"If-Unmodified-Since", monday}}, holds, holds},
           {"If-Unmodified-Since: later", {{"If-Unmodified-Since", tuesday}}, holds, holds},
           {"If-Unmodified-Since: earlier", {{"If-Unmodified-Since", sunday}}, failed, failed},
           {"If-Unmodified-Since: no date", {{"If-Unmodified-Since", "never"}}, none, none},
           {"If-Unmodified-Since beside If-Match does not count",
            {{"If-Match", "\"a\""}, {"If-Unmodified-Since", sunday}},
            holds,
            holds},
           // 13.1.2
           {"If-None-Match: the tag", {{"If-None-Match", "\"a\""}}, not_modified, failed},
           {"If-None-Match compares weakly", {{"If-None-Match", "W/\"a\""}}, not_modified, failed},
           {"If-None-Match: in a list",
            {{"If-None-Match", "\"x\",W/\"y\" , \"a\""}},
            not_modified,
            failed},
           {"If-None-Match: empty elements",
            {{"If-None-Match", ",,\"a\",,"}},
            not_modified,
            failed},
           {"If-None-Match: star", {{"If-None-Match", "*"}}, not_modified, failed},
           {"If-None-Match: another", {{"If-None-Match", "\"b\""}}, holds, holds},
           {"If-None-Match: a comma in the tag is part of it",
            {{"If-None-Match", "\"b,\"a\""}},
            holds,
            holds},
           {"If-None-Match: broken behind the tag",
            {{"If-None-Match", "\"a\"x, \"b\""}},
            holds,
            holds},
           {"If-None-Match: without quotes", {{"If-None-Match", "a"}}, holds, holds},
           {"If-None-Match: a star in a list is none",
            {{"If-None-Match", "*, \"b\""}},
            holds,
            holds},
           // 13.1.3
           {"If-Modified-Since: the date", {{"If-Modified-Since", monday}}, not_modified, none},
           {"If-Modified-Since: the date in an old form",
            {{"If-Modified-Since", monday_850}},
            not_modified,
            none},
           {"If-Modified-Since: later", {{"If-Modified-Since", tuesday}}, not_modified, none},
           {"If-Modified-Since: earlier", {{"If-Modified-Since", sunday}}, holds, none},
           {"If-Modified-Since: no date", {{"If-Modified-Since", "yesterday"}}, none, none},
           {"If-Modified-Since: twice",
            {{"If-Modified-Since", monday}, {"If-Modified-Since", monday}},
            none,
            none},
           {"If-Modified-Since beside If-None-Match does not count",
            {{"If-None-Match", "\"b\""}, {"If-Modified-Since", tuesday}},
            holds,
            holds},
           // 13.2.2: both groups
           {"If-Match holds, If-None-Match decides",
            {{"If-Match", "\"a\""}, {"If-None-Match", "\"a\""}},
            not_modified,
            failed},
           {"If-Match fails first",
            {{"If-Match", "\"b\""}, {"If-None-Match", "\"a\""}},
            failed,
            failed},
           {"If-Unmodified-Since holds, If-Modified-Since decides",
            {{"If-Unmodified-Since", tuesday}, {"If-Modified-Since", monday}},
            not_modified,
            holds},
       }) {
    CAPTURE(test.why);
    CHECK((evaluate(request_of(Method::get, test.request), stored, now) == test.of_get));
    CHECK((evaluate(request_of(Method::head, test.request), stored, now) == test.of_get));
    CHECK((evaluate(request_of(Method::put, test.request), stored, now) == test.of_put));
  }
}

TEST_CASE("preconditions: what is stored may have other validators, or none") {
  struct Case {
    std::string_view why;
    Lines stored;
    Lines request;
    Precondition is;
  };
  using enum Precondition;
  for (const Case& test : std::vector<Case>{
           // RFC 9110 13.1.2: a weak tag is good enough
           {"weak on both", {{"ETag", "W/\"a\""}}, {{"If-None-Match", "W/\"a\""}}, not_modified},
           {"weak stored", {{"ETag", "W/\"a\""}}, {{"If-None-Match", "\"a\""}}, not_modified},
           {"weak stored, If-Match", {{"ETag", "W/\"a\""}}, {{"If-Match", "W/\"a\""}}, failed},
           {"no tag", {}, {{"If-None-Match", "\"a\""}}, holds},
           {"no tag, star", {}, {{"If-None-Match", "*"}}, not_modified},
           {"a broken tag", {{"ETag", "a"}}, {{"If-None-Match", "\"a\""}}, holds},
           {"two tags",
            {{"ETag", "\"a\""}, {"ETag", "\"b\""}},
            {{"If-None-Match", "\"a\""}},
            holds},
           // RFC 9111 4.3.2: Date stands for a Last-Modified that is not there
           {"Date before", {{"Date", monday}}, {{"If-Modified-Since", tuesday}}, not_modified},
           {"Date after", {{"Date", tuesday}}, {{"If-Modified-Since", monday}}, holds},
           {"neither", {}, {{"If-Modified-Since", monday}}, none},
           {"no Last-Modified", {}, {{"If-Unmodified-Since", monday}}, none},
       }) {
    CAPTURE(test.why);
    CHECK(
        (evaluate(request_of(Method::get, test.request), validators(test.stored), now) == test.is));
  }
}

TEST_CASE("if-range: the range applies where the representation is the very same") {
  struct Case {
    std::string_view why;
    Lines stored;
    Lines request;
    bool is;
  };
  const Lines both = {{"ETag", "\"a\""}, {"Last-Modified", monday}, {"Date", tuesday}};
  for (const Case& test : std::vector<Case>{
           // RFC 9110 14.2
           {"no Range", both, {}, false},
           {"Range alone", both, {{"Range", "bytes=0-1"}}, true},
           {"two of them", both, {{"Range", "bytes=0-1"}, {"Range", "bytes=0-1"}}, false},
           // RFC 9110 13.1.5
           {"the tag", both, {{"Range", "bytes=0-1"}, {"If-Range", "\"a\""}}, true},
           {"another tag", both, {{"Range", "bytes=0-1"}, {"If-Range", "\"b\""}}, false},
           {"a weak tag", both, {{"Range", "bytes=0-1"}, {"If-Range", "W/\"a\""}}, false},
           {"a weak tag on both",
            {{"ETag", "W/\"a\""}},
            {{"Range", "bytes=0-1"}, {"If-Range", "W/\"a\""}},
            false},
           {"no tag stored", {}, {{"Range", "bytes=0-1"}, {"If-Range", "\"a\""}}, false},
           {"the date", both, {{"Range", "bytes=0-1"}, {"If-Range", monday}}, true},
           {"a later date", both, {{"Range", "bytes=0-1"}, {"If-Range", tuesday}}, false},
           {"a date that is weak: made in the same second",
            {{"Last-Modified", monday}, {"Date", monday}},
            {{"Range", "bytes=0-1"}, {"If-Range", monday}},
            false},
           {"a date without Date",
            {{"Last-Modified", monday}},
            {{"Range", "bytes=0-1"}, {"If-Range", monday}},
            false},
           {"nonsense", both, {{"Range", "bytes=0-1"}, {"If-Range", "a"}}, false},
           {"a list", both, {{"Range", "bytes=0-1"}, {"If-Range", "\"a\", \"b\""}}, false},
           {"twice",
            both,
            {{"Range", "bytes=0-1"}, {"If-Range", "\"a\""}, {"If-Range", "\"a\""}},
            false},
       }) {
    CAPTURE(test.why);
    CHECK(range_applies(request_of(Method::get, test.request), validators(test.stored), now) ==
          test.is);
    // RFC 9110 14.2: Range is defined for GET alone.
    CHECK_FALSE(
        range_applies(request_of(Method::head, test.request), validators(test.stored), now));
  }
}
