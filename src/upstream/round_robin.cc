#include "upstream/round_robin.h"

namespace weir {

// The turn passes to the one behind the peer that was taken, not behind the one whose turn it was:
// else the neighbour of a dead peer would carry double.
std::size_t RoundRobin::pick(const Candidates& candidates) {
  const std::size_t size = candidates.size();
  if (next_ >= size) next_ = 0;
  for (std::size_t step = 0, index = next_; step < size;
       ++step, index = index + 1 < size ? index + 1 : 0) {
    if (!candidates.usable(index)) continue;
    next_ = index + 1 < size ? index + 1 : 0;
    return index;
  }
  return no_peer;
}

}  // namespace weir
