// Shared by the fuzz targets: a check that stays in every build, and pieces of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace weir::fuzz {

inline void check(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts text into pieces whose sizes depend on `seed`, so that every split is tried sooner or later.
class Pieces {
 public:
  Pieces(std::string_view text, std::uint32_t seed) : rest_(text), seed_(seed) {}
  bool next(std::string_view& piece) {
    if (rest_.empty()) return false;
    seed_ = seed_ * 1664525 + 1013904223;
    const std::size_t wanted = 1 + (seed_ >> 16) % 17;
    piece = rest_.substr(0, wanted);
    rest_.remove_prefix(piece.size());
    return true;
  }

 private:
  std::string_view rest_;
  std::uint32_t seed_;
};

}  // namespace weir::fuzz
