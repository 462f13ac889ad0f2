// The scale on which latencies are counted: 64 buckets, four to each doubling, from 64 µs to 3.5 s.
// A percentile read from it is at most 25 % too high; what is slower than the scale is in its last
// bucket.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir {

struct LatencyScale {
  static constexpr std::size_t buckets = 64;

  static constexpr std::size_t bucket_of(std::uint64_t us) {
    if (us < 64) return 0;
    const auto octave = static_cast<unsigned>(std::bit_width(us)) - 7;  // 64..127: 0
    const std::size_t quarter = (us >> (octave + 4)) & 3;
    return std::min<std::size_t>(1 + octave * 4 + quarter, buckets - 1);
  }
  // What every latency of the bucket is below, in µs.
  static constexpr std::uint64_t bound_of(std::size_t bucket) {
    if (bucket == 0) return 64;
    const std::size_t octave = (bucket - 1) / 4, quarter = (bucket - 1) % 4;
    return (5 + quarter) << (octave + 4);
  }
  // The bound that `share` (0 to 1) of all counted latencies are below; 0: none was counted.
  static constexpr std::uint64_t percentile_us(std::span<const std::uint64_t, buckets> counts,
                                               double share) {
    std::uint64_t all = 0, seen = 0;
    for (const std::uint64_t count : counts) all += count;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      seen += counts[bucket];
      if (seen != 0 && static_cast<double>(seen) >= share * static_cast<double>(all)) {
        return bound_of(bucket);
      }
    }
    return 0;
  }
};

}  // namespace weir
