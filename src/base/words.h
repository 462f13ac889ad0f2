// Bytes read as words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir {

static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");

template <class Word>
Word word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// The `size` bytes at `at`, fewer than eight, the first in the lowest place and zeros above the
// last: by loads that may overlap, and nothing is read beside them.
inline std::uint64_t short_word(const char* at, std::size_t size) {
  const auto byte = [at](std::size_t i) -> std::uint64_t { return word_at<std::uint8_t>(at + i); };
  if (size >= 4) {
    const std::uint64_t high = word_at<std::uint32_t>(at + size - 4);
    return word_at<std::uint32_t>(at) | high << (8 * (size - 4));
  }
  if (size == 0) return 0;
  return byte(0) | byte(size / 2) << (8 * (size / 2)) | byte(size - 1) << (8 * (size - 1));
}

}  // namespace weir
