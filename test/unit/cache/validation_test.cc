#include "cache/validation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cache/field_block.h"
#include "cache/storable.h"
#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::date;
using test::Lines;
using test::now;
using test::request;
using test::second;

// "a: 1|b: 2", sorted: the order of fields of different names means nothing.
std::string text_of(const Fields& fields) {
  std::vector<std::string> lines;
  for (const Field& field : fields) {
    lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "|") + line;
  return out;
}

TEST_CASE("validation: the conditions are those of the stored answer alone (RFC 9111 4.3.1)") {
  struct Case {
    std::string_view why;
    Lines stored;
    std::string_view request;  // of one with other conditions and a range
  };
  for (const Case& test : std::vector<Case>{
           {"a tag", {{"ETag", "\"a\""}}, "Accept: x|If-None-Match: \"a\""},
           {"a weak tag", {{"ETag", "W/\"a\""}}, "Accept: x|If-None-Match: W/\"a\""},
           {"a date",
            {{"Last-Modified", "Mon, 06 Oct 2025 10:00:00 GMT"}},
            "Accept: x|If-Modified-Since: Mon, 06 Oct 2025 10:00:00 GMT"},
           {"both",
            {{"ETag", "\"a\""}, {"Last-Modified", "Mon, 06 Oct 2025 10:00:00 GMT"}},
            "Accept: x|If-Modified-Since: Mon, 06 Oct 2025 10:00:00 GMT|If-None-Match: \"a\""},
           {"none", {}, "Accept: x"},
           {"no tag", {{"ETag", "a"}}, "Accept: x"},
           {"two tags", {{"ETag", "\"a\""}, {"ETag", "\"b\""}}, "Accept: x"},
           {"no date", {{"Last-Modified", "monday"}}, "Accept: x"},
       }) {
    CAPTURE(test.why);
    RequestHead head = request(Method::get, {{"Accept", "x"},
                                             {"Range", "bytes=0-5"},
                                             {"If-Range", "\"c\""},
                                             {"If-None-Match", "\"c\""},
                                             {"If-Modified-Since", date(0)}});
    const ResponseHead stored = answer(200, test.stored);
    const bool added = add_conditions(stored, head.fields);
    CHECK(text_of(head.fields) == test.request);
    CHECK(added == (std::string_view(test.request) != "Accept: x"));
  }
}

TEST_CASE("validation: which stored answer a 304 speaks of (RFC 9111 4.3.4)") {
  struct Case {
    std::string_view why;
    Lines stored, not_modified;
    bool is;
  };
  const std::string_view monday = "Mon, 06 Oct 2025 10:00:00 GMT";
  const std::string_view sunday = "Sun, 05 Oct 2025 10:00:00 GMT";
  for (const Case& test : std::vector<Case>{
           {"the same strong tag", {{"ETag", "\"a\""}}, {{"ETag", "\"a\""}}, true},
           {"another strong tag", {{"ETag", "\"a\""}}, {{"ETag", "\"b\""}}, false},
           {"a strong tag of a weak one", {{"ETag", "W/\"a\""}}, {{"ETag", "\"a\""}}, false},
           {"a weak tag of a strong one", {{"ETag", "\"a\""}}, {{"ETag", "W/\"a\""}}, true},
           {"the same weak tag", {{"ETag", "W/\"a\""}}, {{"ETag", "W/\"a\""}}, true},
           {"another weak tag", {{"ETag", "W/\"a\""}}, {{"ETag", "W/\"b\""}}, false},
           {"a tag of one without", {}, {{"ETag", "\"a\""}}, false},
           {"no validator", {{"ETag", "\"a\""}}, {}, true},
           {"the same date", {{"Last-Modified", monday}}, {{"Last-Modified", monday}}, true},
           {"another date", {{"Last-Modified", monday}}, {{"Last-Modified", sunday}}, false},
           {"a date of one without", {{"ETag", "\"a\""}}, {{"Last-Modified", monday}}, false},
           {"the same tag and another date: the strong one counts",
            {{"ETag", "\"a\""}, {"Last-Modified", monday}},
            {{"ETag", "\"a\""}, {"Last-Modified", sunday}},
            true},
       }) {
    CAPTURE(test.why);
    CHECK(selects(answer(200, test.stored), answer(304, test.not_modified), now) == test.is);
  }
}

TEST_CASE("validation: what a 304 changes and what it does not (RFC 9111 3.2)") {
  struct Case {
    std::string_view why;
    Lines stored, not_modified;
    std::string_view is;
  };
  for (const Case& test : std::vector<Case>{
           {"nothing said", {{"A", "1"}}, {}, "A: 1"},
           {"replaced", {{"A", "1"}, {"B", "2"}}, {{"a", "3"}}, "B: 2|a: 3"},
           {"added", {{"A", "1"}}, {{"B", "2"}}, "A: 1|B: 2"},
           {"all lines of a name", {{"A", "1"}, {"A", "2"}}, {{"A", "3"}, {"A", "4"}}, "A: 3|A: 4"},
           {"a known name",
            {{"Cache-Control", "max-age=1"}},
            {{"Cache-Control", "max-age=2"}},
            "Cache-Control: max-age=2"},
           {"Content-Type",
            {{"Content-Type", "a/b"}},
            {{"Content-Type", "c/d"}},
            "Content-Type: c/d"},
           {"the age of the 304", {}, {{"Age", "7"}}, "Age: 7"},
           // these speak of the stored bytes
           {"Content-Encoding",
            {{"Content-Encoding", "gzip"}},
            {{"Content-Encoding", "br"}},
            "Content-Encoding: gzip"},
           {"Content-Encoding where there was none", {}, {{"Content-Encoding", "br"}}, ""},
           {"Content-Length", {}, {{"Content-Length", "5"}}, ""},
           {"Content-Range", {}, {{"Content-Range", "bytes 0-1/2"}}, ""},
           // these are not stored at all (3.1)
           {"one hop", {}, {{"Connection", "x"}, {"Keep-Alive", "5"}, {"Upgrade", "h2"}}, ""},
           {"framing", {}, {{"Transfer-Encoding", "chunked"}}, ""},
           {"Proxy-Authenticate", {}, {{"Proxy-Authenticate", "x"}}, ""},
           {"Set-Cookie", {{"Set-Cookie", "a=1"}}, {{"Set-Cookie", "a=2"}}, "Set-Cookie: a=1"},
           {"surrogate keys", {}, {{"Surrogate-Key", "a"}, {"Cache-Tag", "b"}}, ""},
       }) {
    CAPTURE(test.why);
    const ResponseHead stored = answer(200, test.stored), new_head = answer(304, test.not_modified);
    ResponseHead merged;
    merged.fields.add("Left", "over");
    merge_not_modified(stored, new_head, merged);
    CHECK(text_of(merged.fields) == test.is);
    CHECK(merged.status == 200);
  }
}

TEST_CASE("validation: after a 304 the answer is as fresh as the 304 says (RFC 9111 4.3.4)") {
  const ResponseHead stored = answer(200, {{"ETag", "\"a\""},
                                           {"Cache-Control", "max-age=60"},
                                           {"Date", date(-100)},
                                           {"Content-Type", "text/plain"}});
  const ResponseHead not_modified = answer(304, {{"ETag", "\"a\""}, {"Date", date(0)}});
  REQUIRE(selects(stored, not_modified, now));
  ResponseHead merged;
  merge_not_modified(stored, not_modified, merged);
  const RequestPlan plan = test::plan_of(request(Method::get));
  const Storing fresh = judge_answer(plan, merged, {}, {now, now}, false);
  REQUIRE(fresh.stores);
  CHECK(fresh.facts.initial_age == 0);
  CHECK(fresh.facts.lifetime == 60 * second);
  CHECK(fresh.facts.status == 200);

  // It may also say that it is not to be kept any longer.
  const ResponseHead forbids = answer(304, {{"Cache-Control", "no-store"}});
  merge_not_modified(stored, forbids, merged);
  CHECK(judge_answer(plan, merged, {}, {now, now}, false).why_not == "no-store");
}

TEST_CASE("validation: what an answer to HEAD says of a stored one (RFC 9111 4.3.5)") {
  struct Case {
    std::string_view why;
    std::uint16_t status;
    Lines stored, answer;
    std::optional<std::uint64_t> stored_length, length;
    HeadEffect is;
  };
  using enum HeadEffect;
  const std::string_view monday = "Mon, 06 Oct 2025 10:00:00 GMT";
  const std::string_view sunday = "Sun, 05 Oct 2025 10:00:00 GMT";
  for (const Case& test : std::vector<Case>{
           {"the same tag", 200, {{"ETag", "\"a\""}}, {{"ETag", "\"a\""}}, {}, {}, freshens},
           {"the same tag and length",
            200,
            {{"ETag", "\"a\""}},
            {{"ETag", "\"a\""}},
            5,
            5,
            freshens},
           {"the same tag, another length",
            200,
            {{"ETag", "\"a\""}},
            {{"ETag", "\"a\""}},
            5,
            6,
            invalidates},
           {"another tag", 200, {{"ETag", "\"a\""}}, {{"ETag", "\"b\""}}, 5, 5, invalidates},
           {"a weak tag now", 200, {{"ETag", "\"a\""}}, {{"ETag", "W/\"a\""}}, 5, 5, invalidates},
           {"a tag of one without", 200, {}, {{"ETag", "\"a\""}}, 5, 5, invalidates},
           {"the same date",
            200,
            {{"Last-Modified", monday}},
            {{"Last-Modified", monday}},
            {},
            {},
            freshens},
           {"another date",
            200,
            {{"Last-Modified", monday}},
            {{"Last-Modified", sunday}},
            {},
            {},
            invalidates},
           {"no validator", 200, {{"ETag", "\"a\""}}, {}, {}, {}, none},
           {"no validator, the same length", 200, {{"ETag", "\"a\""}}, {}, 5, 5, none},
           {"no validator, another length", 200, {{"ETag", "\"a\""}}, {}, 5, 6, invalidates},
           {"an error", 500, {{"ETag", "\"a\""}}, {{"ETag", "\"b\""}}, 5, 6, none},
           {"a 304", 304, {{"ETag", "\"a\""}}, {{"ETag", "\"a\""}}, {}, {}, none},
       }) {
    CAPTURE(test.why);
    CHECK((effect_of_head(answer(200, test.stored), test.stored_length,
                          answer(test.status, test.answer), test.length, now) == test.is));
  }
  CHECK((effect_of_head(answer(404, {{"ETag", "\"a\""}}), {}, answer(200, {{"ETag", "\"b\""}}), {},
                        now) == none));
}

}  // namespace
}  // namespace weir::cache
