// Byte scanning for the parsers: 16 bytes at a time with SSE2, 8 at a time elsewhere. Internal to
// this room. Nothing reads outside [at, end).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

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

// The first control byte other than tab, or `end`.
inline const char* find_control(const char* at, const char* end) {
  const __m128i space = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = load(at);
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);  // unsigned <= 0x1f
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  while (at != end && !is_control(*at)) ++at;
  return at;
}

// The first byte that is not visible ASCII (0x21 to 0x7e), or `end`.
inline const char* find_not_visible(const char* at, const char* end) {
  const __m128i space = _mm_set1_epi8(0x21);
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = load(at);
    // Signed comparison: bytes from 0x80 on are negative, hence below 0x21 too.
    const __m128i bad = _mm_or_si128(_mm_cmplt_epi8(bytes, space), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  while (at != end && is_visible(*at)) ++at;
  return at;
}
#else
inline std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
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
    if (!suspicious(load(at), 0x20)) continue;
    for (int i = 0; i < 8; ++i) {
      if (is_control(at[i])) return at + i;
    }
  }
  while (at != end && !is_control(*at)) ++at;
  return at;
}
inline const char* find_not_visible(const char* at, const char* end) {
  while (end - at >= 8 && !suspicious(load(at), 0x21)) at += 8;
  while (at != end && is_visible(*at)) ++at;
  return at;
}
#endif

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
