// SipHash-2-4 (Aumasson, Bernstein): a keyed hash of 64 bits. Who does not have the key can neither
// make texts whose hashes meet nor tell the hash of a text.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct SipKey {
  std::uint64_t low = 0, high = 0;
  bool operator==(const SipKey&) const = default;
};

std::uint64_t siphash(const SipKey& key, std::string_view text);

}  // namespace weir
