// Field syntax, dates, status phrases, methods, and the byte scanners.
#include "http/syntax.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/date.h"
#include "http/message.h"
#include "http/scan.h"
#include "http/status.h"

using namespace weir;
using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

std::vector<std::string> items(std::string_view value) {
  std::vector<std::string> out;
  ListItems list(value);
  for (auto item = list.next(); !item.empty(); item = list.next()) out.emplace_back(item);
  return out;
}
system_clock::time_point at(long long second) { return system_clock::time_point{seconds{second}}; }

}  // namespace

TEST_CASE("lists: commas in quotes do not count, empty elements are passed over") {
  CHECK(items("a, b ,,c;q=\"x,y\" ,\t, \"\\\",\"") ==
        std::vector<std::string>{"a", "b", "c;q=\"x,y\"", "\"\\\",\""});
  CHECK(items("").empty());
  CHECK(items(" , ,").empty());
  CHECK(items("\"open, ended") == std::vector<std::string>{"\"open, ended"});
  CHECK(items("\"\\") == std::vector<std::string>{"\"\\"});
  CHECK(list_contains("Keep-Alive, Close", "close"));
  CHECK_FALSE(list_contains("closer", "close"));
}

TEST_CASE("quoted strings come back as they went in") {
  for (const std::string& text :
       {std::string("token"), std::string("a b"), std::string("q\"\\"), std::string("")}) {
    std::string out;
    append_token_or_quoted(text, out);
    if (out == text) continue;
    std::string back;
    CHECK(unquote(out, back));
    CHECK(back == text);
  }
  for (const char* bad : {"", "\"", "a", "\"a", "\"a\"b\"", "\"a\\\"", "\"a\x01\""}) {
    std::string out = "x";
    CHECK_FALSE(unquote(bad, out));
    CHECK(out == "x");
  }
}

TEST_CASE("tokens and values") {
  CHECK(is_token("M-SEARCH!#$%&'*+.^_`|~09"));
  for (const char* bad : {"", "a b", "a:", "a(", "a/b", "\"", "a\x80", "{", "@"})
    CHECK_FALSE(is_token(bad));
  CHECK(is_field_value("a\tb \x80"));
  CHECK(is_field_value(""));
  for (const char* bad : {" a", "a ", "a\r", "a\n", "\x7f"}) CHECK_FALSE(is_field_value(bad));
}

TEST_CASE("scanning: every byte at every place in every length, against a plain loop") {
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string text(size, 'a');
    for (std::size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        text[place] = static_cast<char>(byte);
        const char* const begin = text.data();
        const char* const end = begin + size;
        const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
        const bool visible = byte > 0x20 && byte < 0x7f;
        REQUIRE(scan::find_control(begin, end) == (control ? begin + place : end));
        REQUIRE(scan::find_not_visible(begin, end) == (visible ? end : begin + place));
      }
      text[place] = 'a';
    }
  }
}

TEST_CASE("dates: written as IMF-fixdate, read in all three forms") {
  const auto time = at(784111777);
  const DateText text = format_http_date(time);
  CHECK(std::string(text.data(), text.size()) == "Sun, 06 Nov 1994 08:49:37 GMT");
  const auto now = at(1'800'000'000);
  for (const char* form : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "SUN, 06 nov 1994 08:49:37 gmt",
                           "sunday, 06-NOV-94 08:49:37 Gmt", "sun nOv  6 08:49:37 1994"})
    CHECK(parse_http_date(form, now) == time);
  for (long long second = 0; second < 4'000'000'000; second += 86'399 * 977LL) {
    const DateText each = format_http_date(at(second));
    CHECK(parse_http_date({each.data(), each.size()}, now) == at(second));
  }
  for (const char* bad : {"", "0", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
                          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                          "Sun, 06 Nox 1994 08:49:37 GMT", "Sux, 06 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:3x GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                          "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37",
                          "Sun Nov 06 08:49:37 94", "Sun, 06 Nov 1994 08:49:61 GMT"})
    CHECK_FALSE(parse_http_date(bad, now));
  CHECK(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT", now) > at(7'000'000'000));
  CHECK(parse_http_date("Sun, 06 Nov 0995 08:49:37 GMT", now) < at(0));  // found by fuzzing
  DateCache cache;
  CHECK(cache.text(time) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(cache.text(time + std::chrono::milliseconds(999)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(cache.text(time + seconds(1)) == "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST_CASE("methods and status codes") {
  for (int i = 0; i < static_cast<int>(Method::other); ++i) {
    const auto method = static_cast<Method>(i);
    CHECK(parse_method(method_name(method)) == method);
  }
  for (const char* text : {"get", "GETS", "", "PURGE", "POSt"})
    CHECK(parse_method(text) == Method::other);
  CHECK(is_idempotent(Method::put));
  CHECK_FALSE(is_idempotent(Method::post));
  CHECK_FALSE(is_safe(Method::delete_));
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(799) == "Unknown");
  CHECK(forbids_body(304));
  CHECK_FALSE(forbids_body(200));
}
