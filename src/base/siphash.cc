#include "base/siphash.h"

#include <bit>
#include <cstddef>

namespace weir {
namespace {

struct State {
  std::uint64_t a, b, c, d;
  void round() {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  }
};

// Little-endian, wherever this runs.
std::uint64_t word_of(std::string_view bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

}  // namespace

std::uint64_t siphash(const SipKey& key, std::string_view text) {
  State state{key.low ^ 0x736f6d6570736575U, key.high ^ 0x646f72616e646f6dU,
              key.low ^ 0x6c7967656e657261U, key.high ^ 0x7465646279746573U};
  const auto take = [&](std::uint64_t word) {
    state.d ^= word;
    state.round();
    state.round();
    state.a ^= word;
  };
  const std::uint64_t size = text.size();
  for (; text.size() >= 8; text.remove_prefix(8)) take(word_of(text.substr(0, 8)));
  take(word_of(text) | size << 56);
  state.c ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace weir
