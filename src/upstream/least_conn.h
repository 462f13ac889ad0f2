// Least connections: the peer with the fewest requests in flight for its weight, over all workers.
#pragma once

#include "upstream/least.h"

namespace weir {

class LeastConn final : public Least {
 public:
  explicit LeastConn(std::uint32_t seed) : Least(seed, 0) {}

 private:
  void find_costs(const Roster& roster, clock::Monotonic, bool renewed,
                  std::span<float> costs) override {
    if (!renewed) return;
    for (std::size_t i = 0; i < roster.size(); ++i) {
      costs[i] = 1 / static_cast<float>(roster.weights[i]);
    }
  }
};

}  // namespace weir
