// Hashes of 64 bits whose value is part of what we promise: the same in every process, after every
// restart and on every machine. Not secret: whoever knows the function can make keys that meet; for
// anything that must not be foreseen use a keyed one.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// Each bit of the result depends on each bit of the word (the finaliser of MurmurHash3, David
// Stafford's variant 13).
constexpr std::uint64_t mix64(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31);
}

// FNV-1a, whose weak upper bits are then mixed.
constexpr std::uint64_t hash64(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return mix64(hash);
}

}  // namespace weir
