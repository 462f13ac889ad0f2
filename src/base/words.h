// Bytes read as words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir {

static_assert(std::endian::native == std::endian::little);

// The `size` bytes at `from`, fewer than eight, the first in the lowest place and zeros above the
// last: by loads that may overlap, and nothing is read beside them.
inline std::uint64_t short_word(const char* from, std::size_t size) {
  const auto load = [from]<class Word>(Word word, std::size_t at) -> std::uint64_t {
    std::memcpy(&word, from + at, sizeof word);
    return word;
  };
  constexpr std::uint8_t one{};
  constexpr std::uint32_t four{};
  if (size >= 4) return load(four, 0) | load(four, size - 4) << (8 * (size - 4));
  if (size == 0) return 0;
  return load(one, 0) | load(one, size / 2) << (8 * (size / 2)) |
         load(one, size - 1) << (8 * (size - 1));
}

}  // namespace weir
