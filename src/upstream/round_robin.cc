#include "upstream/round_robin.h"

#include <algorithm>
#include <functional>

#include "upstream/turns.h"

namespace weir {
void RoundRobin::renew(const Roster& roster) {
  const auto& weights = roster.weights;
  equal_ =
      std::adjacent_find(weights.begin(), weights.end(), std::not_equal_to<>()) == weights.end();
  if (!weights.empty()) next_ %= weights.size();
  turns_.clear();
  time_ = 0;
  if (equal_) return;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    turns_.push_back({turn_step(weights[i]) / 2, i});  // half: heavy and light ones meet evenly
  }
  std::make_heap(turns_.begin(), turns_.end(), std::greater<>());
}

std::size_t RoundRobin::pick(const Choice& choice) {
  return equal_ ? pick_equal(choice) : pick_weighted(choice);
}

// The turn passes to the one behind the peer that was taken, not behind the one whose turn it was:
// else the neighbour of a peer that may not be chosen would carry double.
std::size_t RoundRobin::pick_equal(const Choice& choice) {
  const std::size_t size = choice.size();
  for (std::size_t step = 0, index = next_; step < size;
       ++step, index = index + 1 < size ? index + 1 : 0) {
    if (!choice.may(index)) continue;
    next_ = index + 1 < size ? index + 1 : 0;
    return index;
  }
  return no_peer;
}

// Who is passed over is due when it may be chosen again; what it has missed is not made up for,
// else it would be stormed.
std::size_t RoundRobin::pick_weighted(const Choice& choice) {
  std::size_t found = no_peer;
  while (!turns_.empty() && found == no_peer) {
    std::pop_heap(turns_.begin(), turns_.end(), std::greater<>());
    Turn turn = turns_.back();
    turns_.pop_back();
    if (choice.may(turn.index)) {
      found = turn.index;
      time_ = std::max(time_, turn.due);
      turn.due = time_ + turn_step(choice.roster().weights[turn.index]);
    }
    passed_over_.push_back(turn);
  }
  for (const Turn& turn : passed_over_) {
    turns_.push_back(turn);
    std::push_heap(turns_.begin(), turns_.end(), std::greater<>());
  }
  passed_over_.clear();
  return found;
}

}  // namespace weir
