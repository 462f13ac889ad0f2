// HedgeDelay: after how long an answer of a group is late: a percentile of the latencies of the
// last answers of all its peers in all workers. Looked up at most each second.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/latency_scale.h"
#include "upstream/tiers.h"

namespace weir {

class HedgeDelay {
 public:
  static constexpr std::uint64_t samples_min = 100;    // fewer say nothing
  static constexpr std::uint64_t samples_kept = 1024;  // so many, older ones fade away
  static constexpr std::chrono::seconds look_every{1};
  using Counts = std::array<std::uint64_t, LatencyScale::buckets>;

  // nullopt: too few answers so far.
  std::optional<std::chrono::milliseconds> after(const Peers& peers, std::uint32_t percentile,
                                                 clock::Monotonic now);

  // All that was ever counted, and what follows from it.
  void take(const Counts& counts, std::uint32_t percentile);
  std::optional<std::chrono::milliseconds> known() const { return delay_; }

 private:
  Counts before_{}, recent_{};
  clock::Monotonic look_again_{};
  std::optional<std::chrono::milliseconds> delay_;
};

}  // namespace weir
