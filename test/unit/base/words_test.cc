#include "base/words.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE(
    "words: fewer than eight bytes, the first lowest, nothing above and nothing beside them") {
  const std::string text = "\xff\x81\x02\x83\x04\x85\x06\x87\xff";
  for (std::size_t size = 0; size < 8; ++size) {
    std::uint64_t expected = 0;
    for (std::size_t at = 0; at < size; ++at)
      expected |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[1 + at])) << (8 * at);
    CHECK(weir::short_word(text.data() + 1, size) == expected);
  }
}
