// Least connections: the peer with the fewest requests in flight for its weight, over all workers.
#pragma once

#include "upstream/least.h"

namespace weir {

class LeastConn final : public Least {
 public:
  explicit LeastConn(std::uint32_t seed) : Least(seed, 0) {}

 private:
  bool find_costs(const Roster& roster, clock::Monotonic, bool renewed,
                  std::span<float> costs) override {
    if (!renewed) return false;
    for (std::size_t i = 0; i < roster.size(); ++i) {
      costs[i] = 1 / static_cast<float>(roster.weights[i]);
    }
    return true;
  }
};

}  // namespace weir
