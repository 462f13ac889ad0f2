// Byte scanning for the parsers: 16 bytes at a time with SSE2, 8 at a time elsewhere. Internal to
// this room. Nothing reads outside [at, end).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "base/words.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::scan {

// Is `byte` a control byte other than tab: never part of a field value (RFC 9110 5.5)?
constexpr bool is_control(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return (value < 0x20 && value != '\t') || value == 0x7f;
}
constexpr bool is_visible(char byte) { return byte > 0x20 && byte < 0x7f; }  // char may be signed

#if defined(__SSE2__)
inline __m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// All bits of a byte for each control byte other than tab.
inline __m128i controls_in(__m128i bytes) {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);  // unsigned
  return _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), low),
                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
}

// The `size` bytes at `at`, fewer than 16, and zeros behind them: by loads that may overlap, since
// a loop over so few bytes ends where the processor does not expect it.
inline __m128i load_short(const char* at, std::size_t size) {
  if (size < 8) return _mm_cvtsi64_si128(static_cast<long long>(short_word(at, size)));
  const auto low = word_at<std::uint64_t>(at);
  auto high = word_at<std::uint64_t>(at + size - 8);
  high = high >> 1 >> (127 - 8 * size);  // without those of `low`: for a size of 8 all of them
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// The first byte for which `matches` sets all bits, or `end`.
template <class Matches>
const char* find_where(const char* at, const char* end, Matches matches) {
  const auto mask_of = [&](__m128i bytes) {
    return static_cast<unsigned>(_mm_movemask_epi8(matches(bytes)));
  };
  for (; end - at >= 16; at += 16) {
    if (const unsigned mask = mask_of(load(at)); mask != 0) return at + std::countr_zero(mask);
  }
  const auto rest = static_cast<std::size_t>(end - at);
  const unsigned mask = mask_of(load_short(at, rest)) & ((1U << rest) - 1);
  return mask != 0 ? at + std::countr_zero(mask) : end;
}

// The first control byte other than tab, or `end`.
inline const char* find_control(const char* at, const char* end) {
  return find_where(at, end, controls_in);
}

// How many control bytes other than tab there are.
inline std::size_t count_controls(const char* at, const char* end) {
  const __m128i zero = _mm_setzero_si128();
  std::size_t count = 0;
  if (const auto rest = (end - at) % 16; end - at >= 16 && rest != 0) {
    // The bytes behind the last whole block are the last ones of the block that ends with them.
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(controls_in(load(end - 16))));
    count = static_cast<std::size_t>(std::popcount(mask >> (16 - rest)));
    end -= rest;
  }
  while (end - at >= 16) {
    __m128i found = zero;  // a count per position in the block; 255 rounds fit
    for (int round = 0; round < 255 && end - at >= 16; ++round, at += 16)
      found = _mm_sub_epi8(found, controls_in(load(at)));
    const __m128i sums = _mm_sad_epu8(found, zero);
    count += static_cast<std::size_t>(_mm_extract_epi16(sums, 0)) +
             static_cast<std::size_t>(_mm_extract_epi16(sums, 4));
  }
  for (; at != end; ++at) count += is_control(*at) ? 1U : 0U;
  return count;
}

// The first `wanted`, or `end`.
inline const char* find_byte(const char* at, const char* end, char wanted) {
  const __m128i pattern = _mm_set1_epi8(wanted);
  return find_where(at, end, [=](__m128i bytes) { return _mm_cmpeq_epi8(bytes, pattern); });
}

// The first byte that is not visible ASCII (0x21 to 0x7e), or `end`.
inline const char* find_not_visible(const char* at, const char* end) {
  const __m128i space = _mm_set1_epi8(0x21);
  const __m128i del = _mm_set1_epi8(0x7f);
  // Signed comparison: bytes from 0x80 on are negative, hence below 0x21 too.
  return find_where(at, end, [=](__m128i bytes) {
    return _mm_or_si128(_mm_cmplt_epi8(bytes, space), _mm_cmpeq_epi8(bytes, del));
  });
}
#else
inline constexpr std::uint64_t ones = 0x0101010101010101;
inline constexpr std::uint64_t tops = 0x8080808080808080;

// Non-zero if some byte of `word` is below `limit` (<= 0x80), is 0x7f or is above 0x7f: a reason to
// look at each.
inline bool suspicious(std::uint64_t word, unsigned char limit) {
  const std::uint64_t below = (word - ones * limit) & ~word & tops;
  const std::uint64_t del = word ^ (ones * 0x7f);
  return (below | ((del - ones) & ~del & tops) | (word & tops)) != 0;
}

inline const char* find_control(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    if (!suspicious(word_at<std::uint64_t>(at), 0x20)) continue;
    for (int i = 0; i < 8; ++i) {
      if (is_control(at[i])) return at + i;
    }
  }
  while (at != end && !is_control(*at)) ++at;
  return at;
}
inline std::size_t count_controls(const char* at, const char* end) {
  std::size_t count = 0;
  for (; at != end; ++at) count += is_control(*at) ? 1U : 0U;
  return count;
}
inline const char* find_byte(const char* at, const char* end, char wanted) {
  while (at != end && *at != wanted) ++at;
  return at;
}
inline const char* find_not_visible(const char* at, const char* end) {
  while (end - at >= 8 && !suspicious(word_at<std::uint64_t>(at), 0x21)) at += 8;
  while (at != end && is_visible(*at)) ++at;
  return at;
}
#endif

// Copies `size` bytes that are most often fewer than 16; returns the end of the copy. Two moves
// that may overlap, where a call of memcpy would be most of the cost.
inline char* copy_short(const char* from, std::size_t size, char* to) {
  const auto both_ends = [&]<class Word>(Word) {
    Word first, last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + size - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + size - sizeof last, &last, sizeof last);
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    both_ends(std::uint64_t{});
  } else if (size >= 4) {
    both_ends(std::uint32_t{});
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
  return to + size;
}

// The token bytes of RFC 9110 5.6.2, as a table.
struct TokenTable {
  bool is[256] = {};
  constexpr TokenTable() {
    for (int c = '0'; c <= '9'; ++c) is[c] = true;
    for (int c = 'a'; c <= 'z'; ++c) is[c] = is[c - 32] = true;
    for (const char c :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
      is[static_cast<unsigned char>(c)] = true;
  }
};
inline constexpr TokenTable token_table;

inline const char* find_not_token(const char* at, const char* end) {
  while (at != end && token_table.is[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

}  // namespace weir::scan
