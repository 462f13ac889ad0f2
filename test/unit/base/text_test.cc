#include "base/text.h"

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

}  // namespace weir
