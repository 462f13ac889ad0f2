#include "upstream/least_load.h"

#include <algorithm>

namespace weir {
namespace {

// Even a peer that says it is full has so much left: it may have said so in a bad moment.
constexpr float left_least = 1.0F / 32;

}  // namespace

LeastLoad::LeastLoad(std::uint32_t seed, std::chrono::nanoseconds probe_interval)
    : Least(seed, 1),
      believed_ns_(
          std::max<std::chrono::nanoseconds>(believed_intervals * probe_interval, believed_least)
              .count()),
      fading_ns_(
          std::max<std::chrono::nanoseconds>(fading_intervals * probe_interval, believed_least)
              .count()) {}

bool LeastLoad::find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                           std::span<float> costs) {
  if (!renewed && now - looked_ < looked_after) return false;
  looked_ = now;
  trust_.assign(roster.size(), 0);
  float sum = 0, trusted = 0;
  for (std::size_t i = 0; i < roster.size(); ++i) {
    const shm::PeerCell& cell = roster.peers[i]->cell();
    const std::int64_t said_ns = cell.load_ns.load(std::memory_order_relaxed);
    if (said_ns == 0) continue;
    const std::int64_t age_ns = now.time_since_epoch().count() - said_ns;
    const float faded = static_cast<float>(age_ns - believed_ns_) / static_cast<float>(fading_ns_);
    trust_[i] = std::clamp(1 - faded, 0.0F, 1.0F);
    const std::uint64_t load = cell.load.load(std::memory_order_relaxed);
    const auto scarcer =
        std::max(static_cast<std::uint16_t>(load), static_cast<std::uint16_t>(load >> 16));
    costs[i] = 1 - static_cast<float>(scarcer) / 65535;  // what is left, for now
    sum += costs[i] * trust_[i];
    trusted += trust_[i];
  }
  const float mean = trusted > 0 ? sum / trusted : 1;
  for (std::size_t i = 0; i < roster.size(); ++i) {
    const float left = trust_[i] > 0 ? mean + (costs[i] - mean) * trust_[i] : mean;
    costs[i] = 1 / (std::max(left, left_least) * static_cast<float>(roster.weights[i]));
  }
  return true;
}

}  // namespace weir
