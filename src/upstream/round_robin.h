// Round robin: peers in turn, by weight, smoothly: a peer of weight 3 among three of weight 1 is
// every second one, not three in a row.
//
// Each peer has a time at which its next turn is due, 1/weight apart; the earliest is next. Equal
// weights need no times: the turn goes round.
#pragma once

#include <cstdint>
#include <vector>

#include "upstream/balancer.h"

namespace weir {

class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(std::uint32_t seed) : next_(seed) {}

  void renew(const Roster& roster) override;
  std::size_t pick(const Choice& choice) override;

 private:
  struct Turn {
    std::uint64_t due;
    std::uint32_t index;
    bool operator>(const Turn& other) const {
      return due != other.due ? due > other.due : index > other.index;
    }
  };
  std::size_t pick_equal(const Choice& choice);
  std::size_t pick_weighted(const Choice& choice);

  bool equal_ = true;
  std::size_t next_;               // equal weights: whose turn it is
  std::uint64_t time_ = 0;         // of the last turn
  std::vector<Turn> turns_;        // else a heap, the earliest in front
  std::vector<Turn> passed_over_;  // of one pick
};

}  // namespace weir
