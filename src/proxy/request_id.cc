#include "proxy/request_id.h"

#include <sys/random.h>

#include <bit>
#include <cassert>
#include <cstring>

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

namespace {

// Eight lower-case hexadecimal digits of `number`, all at once: spread to one digit a byte, least
// significant first, then '0' added, and to those above 9 what lies between ':' and 'a'.
void put_hex(std::uint32_t number, char* out) {
  std::uint64_t x = number;
  x = (x & 0xffff0000) << 16 | (x & 0xffff);
  x = (x & 0x0000ff000000ff00) << 8 | (x & 0x000000ff000000ff);
  x = (x & 0x00f000f000f000f0) << 4 | (x & 0x000f000f000f000f);
  const std::uint64_t letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
  x += 0x3030303030303030 + letters * ('a' - '0' - 10);
  if constexpr (std::endian::native == std::endian::little) x = __builtin_bswap64(x);
  std::memcpy(out, &x, sizeof x);
}

}  // namespace

RequestIds::Text RequestIds::next() {
  Text text;
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t bits = step();
    put_hex(static_cast<std::uint32_t>(bits >> 32), text.data() + half * 16);
    put_hex(static_cast<std::uint32_t>(bits), text.data() + half * 16 + 8);
  }
  return text;
}

}  // namespace weir
