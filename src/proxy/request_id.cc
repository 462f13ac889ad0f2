#include "proxy/request_id.h"

#include <sys/random.h>

#include <bit>
#include <cassert>

namespace weir {

RequestIds::RequestIds() {
  // 32 bytes never come in part, and after boot never block.
  const ssize_t got = getrandom(state_.data(), sizeof state_, 0);
  assert(got == static_cast<ssize_t>(sizeof state_));
  (void)got;
}

std::uint64_t RequestIds::step() {
  auto& s = state_;
  const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
  const std::uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

RequestIds::Text RequestIds::next() {
  constexpr std::string_view digits = "0123456789abcdef";
  Text text;
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = step();
    for (std::size_t i = 0; i < 16; ++i, bits <<= 4) text[half * 16 + i] = digits[bits >> 60];
  }
  return text;
}

}  // namespace weir
