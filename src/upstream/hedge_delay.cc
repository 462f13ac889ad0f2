#include "upstream/hedge_delay.h"

#include <numeric>

namespace weir {

std::optional<std::chrono::milliseconds> HedgeDelay::after(const Peers& peers,
                                                           std::uint32_t percentile,
                                                           clock::Monotonic now) {
  if (now < look_again_) return delay_;
  look_again_ = now + look_every;
  Counts counts{};
  for (const auto& peer : peers) peer->add_latencies(counts);
  take(counts, percentile);
  return delay_;
}

// The counts only ever grow, but for those of a peer that has left: they are missing this once.
void HedgeDelay::take(const Counts& counts, std::uint32_t percentile) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    recent_[i] += counts[i] - std::min(counts[i], before_[i]);
  }
  before_ = counts;
  std::uint64_t samples = std::accumulate(recent_.begin(), recent_.end(), std::uint64_t{0});
  for (; samples > 2 * samples_kept; samples /= 2) {
    for (std::uint64_t& count : recent_) count /= 2;
  }
  if (samples < samples_min) {
    delay_.reset();
    return;
  }
  const std::uint64_t us = LatencyScale::percentile_us(recent_, percentile / 100.0);
  delay_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(us));
}

}  // namespace weir
