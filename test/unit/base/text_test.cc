#include "base/text.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>

namespace weir {

TEST_CASE("parse_decimal: digits only, no overflow") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615ULL);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1_0", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_decimal(text));
  }
}

TEST_CASE("words and split cut where they say") {
  CHECK(words("  a \t b  ") == std::vector<std::string_view>{"a", "b"});
  CHECK(words(" \t").empty());
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',').size() == 1);
}

TEST_CASE("trim takes blanks off both ends only") {
  CHECK(trim(" \ta b\t ") == "a b");
  CHECK(trim("   ").empty());
}

TEST_CASE("edit distance counts single-character edits") {
  CHECK(edit_distance("max_fail", "max_fails") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("an IPv4 address is written as inet_ntop does and read back, and nothing else is") {
  for (const char* text : {"0.0.0.0", "1.2.3.4", "10.0.0.100", "255.255.255.255", "192.0.2.19"}) {
    CAPTURE(text);
    unsigned char bytes[4];
    REQUIRE(inet_pton(AF_INET, text, bytes) == 1);
    char out[ipv4_text_max];
    const auto size = format_ipv4({reinterpret_cast<const char*>(bytes), 4}, out);
    CHECK(std::string_view(out, size) == text);
    CHECK(is_ipv4(text));
  }
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.00",
        "256.1.1.1", "1.2.3.1000", "1.2.3.4 ", "a.b.c.d", "1,2.3.4"}) {
    CAPTURE(text);
    CHECK_FALSE(is_ipv4(text));
  }
}

}  // namespace weir
