#include "http/scan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

using namespace weir;

namespace {

// Bytes of all kinds, many controls among them.
std::string some_bytes(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& byte : text)
    byte = random() % 4 == 0 ? "\r\n\t\0\x7f\x1f"[random() % 6] : static_cast<char>(random());
  return text;
}

}  // namespace

TEST_CASE("scan: controls are counted whatever the length and the place of the last ones") {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 100; ++size) {
    for (std::size_t offset = 0; offset < 17; ++offset) {
      const std::string bytes = some_bytes(random, offset + size);
      std::size_t expected = 0;
      for (std::size_t i = offset; i < bytes.size(); ++i) expected += scan::is_control(bytes[i]);
      const char* const end = bytes.data() + bytes.size();
      CHECK(scan::count_controls(bytes.data() + offset, end) == expected);
    }
  }
  const std::string long_text(5000, '\n');  // more than a counter of one byte holds
  CHECK(scan::count_controls(long_text.data(), long_text.data() + 5000) == 5000);
}

TEST_CASE("scan: short copies have all their bytes and none beside them") {
  std::mt19937 random(8);
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string from = some_bytes(random, size);
    std::string to(size + 2, '#');
    CHECK(scan::copy_short(from.data(), size, to.data() + 1) == to.data() + 1 + size);
    CHECK(to == '#' + from + '#');
  }
}

TEST_CASE("scan: the first of its kind is found whatever stands before and behind it") {
  std::mt19937 random(9);
  for (std::size_t size = 0; size < 70; ++size) {
    for (int round = 0; round < 20; ++round) {
      std::string around(size + 2, '\n');  // neither of these is to be seen
      const std::string bytes = some_bytes(random, size);
      std::copy(bytes.begin(), bytes.end(), around.begin() + 1);
      const char* const begin = around.data() + 1;
      const char* const end = begin + size;
      const auto first = [&](auto wanted) { return std::find_if(begin, end, wanted); };
      CHECK(scan::find_control(begin, end) == first(scan::is_control));
      CHECK(scan::find_byte(begin, end, '\n') == std::find(begin, end, '\n'));
      CHECK(scan::find_not_visible(begin, end) ==
            first([](char c) { return !scan::is_visible(c); }));
    }
  }
}
