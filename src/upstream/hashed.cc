#include "upstream/hashed.h"

#include <algorithm>
#include <numeric>

namespace weir {
namespace {

constexpr int first_steps = 8;

}  // namespace

void Hashed::renew(const Roster& roster) {
  ring_.renew(roster);
  if (bounded_load_ == 0) return;
  loads_.renew(roster);
  weights_ = std::accumulate(roster.weights.begin(), roster.weights.end(), std::uint64_t{0});
}

// Its share of all requests in flight, this one included, times the bound, rounded up: so somebody
// always has room.
bool Hashed::has_bounded_load(const Choice& choice, std::size_t index) {
  loads_.correct(index);
  const double bound = per_weight_ * choice.roster().weights[index];
  return loads_.of(index) < bound;  // integers: < x is <= ceil(x) - 1
}

std::size_t Hashed::pick(const Choice& choice) {
  if (ring_.empty()) return no_peer;
  const std::size_t point = ring_.find(choice.key());
  if (bounded_load_ == 0) {
    const std::size_t owner = ring_.owner(point);
    return choice.may(owner) ? owner : walk(choice, point, false);
  }
  if (loads_.count(choice.now(), total_after)) picked_ = 0;
  ++picked_;
  per_weight_ = static_cast<double>(loads_.total() + picked_) * bounded_load_ / 100 /
                static_cast<double>(weights_);
  // Nearly always one of a few has room: for those no account is kept of who was asked.
  std::size_t at = point;
  for (int step = 0; step < first_steps; ++step, at = ring_.next(at)) {
    const std::size_t index = ring_.owner(at);
    if (has_bounded_load(choice, index) && choice.may(index)) return index;
  }
  const std::size_t found = walk(choice, point, true);
  return found != no_peer ? found : walk(choice, point, false);
}

// Each peer is asked once. Where only few of many peers are left the ring may name the others often
// before it names one of them: so there is a limit, behind which they are asked in their order.
std::size_t Hashed::walk(const Choice& choice, std::size_t point, bool bounded) {
  const std::size_t size = choice.size(), steps = std::min(ring_.size(), 4 * size + 64);
  refused_.assign((size + 63) / 64, 0);
  std::size_t left = size;
  const auto takes = [&](std::size_t index) {
    std::uint64_t& word = refused_[index / 64];
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((word & bit) != 0) return false;
    if ((!bounded || has_bounded_load(choice, index)) && choice.may(index)) return true;
    word |= bit;
    --left;
    return false;
  };
  for (std::size_t step = 0; step < steps && left != 0; ++step, point = ring_.next(point)) {
    if (takes(ring_.owner(point))) return ring_.owner(point);
  }
  const std::size_t first = ring_.owner(point);
  for (std::size_t step = 0; step < size && left != 0; ++step) {
    const std::size_t index = (first + step) % size;
    if (takes(index)) return index;
  }
  return no_peer;
}

}  // namespace weir
