// Least load: requests in flight, for the weight and for what is left of the peer: what it told of
// its load (the scarcer of CPU and memory) in the answer of a probe. What it said is believed while
// probes may be expected to renew it; then it fades to the mean of all, as if it had said nothing.
#pragma once

#include <vector>

#include "upstream/least.h"

namespace weir {

class LeastLoad final : public Least {
 public:
  LeastLoad(std::uint32_t seed, std::chrono::nanoseconds probe_interval);

  static constexpr int believed_intervals = 3, fading_intervals = 3;
  static constexpr std::chrono::seconds believed_least{2};
  static constexpr std::chrono::milliseconds looked_after{50};  // reports come once a probe

 private:
  bool find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                  std::span<float> costs) override;

  std::int64_t believed_ns_, fading_ns_;
  std::vector<float> trust_;
  clock::Monotonic looked_{};
};

}  // namespace weir
