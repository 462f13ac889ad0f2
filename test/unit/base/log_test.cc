#include "base/log.h"

#include <doctest/doctest.h>

#include <string>

namespace weir {

TEST_CASE("log lines escape control bytes and end in one newline") {
  char text[256];
  const auto size = log::format_line(text, sizeof text, log::Level::warn, 7, "a\r\nb\x7f");
  const std::string line(text, size);
  CHECK(line.find("[warn] 7: a\\x0d\\x0ab\\x7f\n") != line.npos);
}

TEST_CASE("a log line that does not fit is cut and says so, for every size") {
  const std::string message(300, '\n');
  for (std::size_t size = 64; size < 200; ++size) {
    std::string text(size, '#');
    const auto used = log::format_line(text.data(), size, log::Level::info, 1, message);
    CHECK(used <= size);
    CHECK(text[used - 1] == '\n');
  }
}

}  // namespace weir
