// Random two: of two peers drawn at random, by weight, the one with fewer requests in flight for
// its weight. Needs to know of two peers only, and what it does not know of the others can't send
// all workers to the same one.
#pragma once

#include <cstdint>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/draws.h"

namespace weir {

class RandomTwo final : public Balancer {
 public:
  explicit RandomTwo(std::uint32_t seed) : draws_(seed) {}

  void renew(const Roster& roster) override;
  std::size_t pick(const Choice& choice) override;

 private:
  // Alias method (Walker, Vose): a draw is a column and a coin.
  struct Column {
    std::uint32_t own;  // below it the column's own index, else the other one
    std::uint32_t other;
  };
  std::size_t draw();

  Draws draws_;
  std::vector<Column> columns_;
};

}  // namespace weir
