#include "cache/field_block.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::Lines;

std::string block_of(const Lines& lines, std::string_view reason = {}) {
  ResponseHead head = answer(200, lines);
  head.reason = reason;
  std::string out;
  REQUIRE(write_field_block(head, response_cache_control(head.fields), out));
  return out;
}

std::string text_of(const ResponseHead& head) {
  std::string out(head.reason);
  for (const Field& field : head.fields) {
    out.append("|").append(field.name).append(": ").append(field.value);
  }
  return out;
}

TEST_CASE("field block: what is written is read again, with ids, in its order") {
  const std::string block = block_of(
      {{"content-type", "text/html"}, {"X-A", ""}, {"X-A", "2"}, {"ETag", "\"a\""}}, "Very OK");
  ResponseHead head;
  head.fields.add("Left", "over");
  REQUIRE(read_field_block(block, false, head));
  CHECK(text_of(head) == "Very OK|Content-Type: text/html|X-A: |X-A: 2|ETag: \"a\"");
  CHECK(head.fields[0].id == FieldId::content_type);
  CHECK(head.fields[1].id == FieldId::other);
  CHECK(head.fields.has(FieldId::etag));
  CHECK(head.fields.find("x-a")->value.empty());
  // Views into the block.
  const char* value = head.fields[2].value.data();
  CHECK(value > block.data());
  CHECK(value < block.data() + block.size());
}

TEST_CASE("field block: it is appended to what is there") {
  ResponseHead head = answer(200, {{"X-A", "1"}});
  std::string out = "before";
  REQUIRE(write_field_block(head, {}, out));
  ResponseHead again;
  REQUIRE(read_field_block(std::string_view(out).substr(6), false, again));
  CHECK(text_of(again) == "|X-A: 1");
}

TEST_CASE("field block: what is not stored (RFC 9111 3.1)") {
  const std::string block = block_of({{"Connection", "close"},
                                      {"Keep-Alive", "5"},
                                      {"Proxy-Connection", "x"},
                                      {"TE", "trailers"},
                                      {"Trailer", "x"},
                                      {"Transfer-Encoding", "chunked"},
                                      {"Upgrade", "h2"},
                                      {"Content-Length", "5"},
                                      {"Proxy-Authenticate", "x"},
                                      {"Proxy-Authentication-Info", "x"},
                                      {"Age", "5"},
                                      {"Surrogate-Key", "a"},
                                      {"Cache-Tag", "a"},
                                      {"Cache-Status", "other; hit"},
                                      {"X-Cache", "HIT"},
                                      {"Set-Cookie", "a=b"},
                                      {"Via", "1.1 x"}});
  ResponseHead head;
  REQUIRE(read_field_block(block, false, head));
  CHECK(text_of(head) == "|Set-Cookie: a=b|Via: 1.1 x");
}

TEST_CASE("field block: fields of private= are left out, those of no-cache= hidden (5.2.2.4, .7)") {
  const std::string block = block_of(
      {{"Cache-Control", "max-age=5, private=\"Set-Cookie, x-secret\", no-cache=\"X-Once\""},
       {"Set-Cookie", "a=b"},
       {"X-Secret", "1"},
       {"x-once", "2"},
       {"X-A", "3"}});
  CHECK(block.find("a=b") == block.npos);
  ResponseHead head;
  REQUIRE(read_field_block(block, false, head));
  CHECK_FALSE(head.fields.has(FieldId::set_cookie));
  CHECK(head.fields.find("X-Once") == nullptr);
  CHECK(head.fields.size() == 2);
  REQUIRE(read_field_block(block, true, head));
  CHECK(head.fields.find("X-Once")->value == "2");
  CHECK(head.fields.find("X-Secret") == nullptr);
}

TEST_CASE("field block: an answer without Date gets the one of when it came (RFC 9110 6.6.1)") {
  const std::string_view came = "Thu, 09 Oct 2025 08:53:20 GMT";
  for (const Lines& lines : {Lines{{"X-A", "1"}}, Lines{{"Date", "yesterday"}}}) {
    std::string block;
    REQUIRE(write_field_block(answer(200, lines), {}, block, came));
    ResponseHead head;
    REQUIRE(read_field_block(block, false, head));
    REQUIRE(head.fields.count(FieldId::date) == 1);
    CHECK(head.fields.value(FieldId::date) == (lines[0].first == "Date" ? "yesterday" : came));
  }
}

TEST_CASE("field block: what can't be stored is refused") {
  std::string out;
  const std::string name(70'000, 'a'), value((1 << 24) + 1, 'a');
  CHECK_FALSE(write_field_block(answer(200, {{name, "1"}}), {}, out));
  CHECK_FALSE(write_field_block(answer(200, {{"X-A", value}}), {}, out));
  ResponseHead head;
  head.reason = name;
  CHECK_FALSE(write_field_block(head, {}, out));
}

TEST_CASE("field block: a damaged one is an error, wherever it is damaged") {
  const std::string block = block_of({{"ETag", "\"a\""}, {"X-A", "1"}, {"Via", "1.1 x"}}, "OK");
  ResponseHead head;
  REQUIRE(read_field_block(block, false, head));
  for (std::size_t size = 0; size < block.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read_field_block(std::string_view(block).substr(0, size), false, head));
    CHECK(head.fields.empty());
  }
  CHECK_FALSE(read_field_block(block + "x", false, head));
  // Any byte: text may become other text, and nothing points outside.
  for (std::size_t at = 0; at < block.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = block;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      if (!read_field_block(damaged, true, head)) {
        CHECK(head.fields.empty());
        continue;
      }
      for (const Field& field : head.fields) {
        CHECK(field.value.data() >= damaged.data());
        CHECK(field.value.data() + field.value.size() <= damaged.data() + damaged.size());
      }
    }
  }
  std::string other_program = block;
  other_program[4] = static_cast<char>(other_program[4] + 1);
  CHECK_FALSE(read_field_block(other_program, false, head));
}

}  // namespace
}  // namespace weir::cache
