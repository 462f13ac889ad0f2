// The values of content codings. Plain values; their text forms are in conf/value_coding.cc.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "http/content_coding.h"
#include "http/media_types.h"

namespace weir::conf {

// In the order in which they are chosen where a client likes them alike. Empty: off.
struct CodingList {
  std::vector<ContentCoding> codings;
  bool operator==(const CodingList&) const = default;
};

// How hard each coding tries, by its own numbers.
struct CodingLevels {
  static constexpr int fast = 0;  // gzip and deflate: below 1
  std::array<int, content_codings> levels{};
  int of(ContentCoding coding) const { return levels[static_cast<std::size_t>(coding)]; }
  bool operator==(const CodingLevels&) const = default;
};

// The same for copies that are kept; off: such a copy stays as it is.
struct CachedLevels {
  static constexpr int off = -1;
  std::array<int, content_codings> levels{};
  int of(ContentCoding coding) const { return levels[static_cast<std::size_t>(coding)]; }
  bool operator==(const CachedLevels&) const = default;
};

// What an upstream is told of the codings that a client takes.
enum class CompressUpstream : unsigned char { off, pass };

}  // namespace weir::conf
