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
  // memory, and an average does not change much sooner. This worker's own are known at once, and
  // all of who is about to be taken.
  static constexpr std::chrono::milliseconds others_after{50};

 private:
  bool find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                  std::span<float> costs) override;
  void find_cost(const Roster& roster, std::size_t index, clock::Monotonic now, Ask ask,
                 std::span<float> costs) override;
  void ask_others(const Roster& roster, clock::Monotonic now);
  float latency_of(const Peer& peer, std::size_t index, clock::Monotonic now) const;

  std::vector<latency::Combined> others_;
  clock::Monotonic asked_{};
  float stranger_ = 1;  // the latency of who is not known
};

}  // namespace weir
