// Least time: the peer with the lowest latency (peak EWMA of all workers) times requests in flight,
// for its weight: that is about how long one more would wait.
#pragma once

#include <vector>

#include "upstream/latency.h"
#include "upstream/least.h"

namespace weir {

class LeastTime final : public Least {
 public:
  explicit LeastTime(std::uint32_t seed) : Least(seed, 1) {}

  // How old what is known of the other workers' latencies may be: their rows are far apart in
  // memory, and an average does not change much sooner.
  static constexpr std::chrono::milliseconds others_after{50};

 private:
  void find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                  std::span<float> costs) override;
  void ask_others(const Roster& roster, clock::Monotonic now);

  std::vector<latency::Combined> others_;
  clock::Monotonic asked_{};
};

}  // namespace weir
