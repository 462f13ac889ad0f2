#include "upstream/random_two.h"

#include <numeric>

namespace weir {
namespace {

constexpr int draws_max = 8;  // for one candidate; then whoever comes first behind the last draw

}  // namespace

void RandomTwo::renew(const Roster& roster) {
  const auto& weights = roster.weights;
  const std::size_t size = weights.size();
  columns_.assign(size, {});
  const std::uint64_t sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  std::vector<std::uint32_t> light, heavy;
  std::vector<std::uint64_t> part(size);  // of `sum`, which is what a column holds
  for (std::uint32_t i = 0; i < size; ++i) {
    part[i] = std::uint64_t{weights[i]} * size;
    (part[i] < sum ? light : heavy).push_back(i);
  }
  constexpr std::uint32_t whole = 0xffffffff;
  while (!light.empty() && !heavy.empty()) {
    const std::uint32_t small = light.back(), large = heavy.back();
    light.pop_back();
    const double share = static_cast<double>(part[small]) / static_cast<double>(sum);
    columns_[small] = {static_cast<std::uint32_t>(share * whole), large};
    part[large] -= sum - part[small];
    if (part[large] >= sum) continue;
    heavy.pop_back();
    light.push_back(large);
  }
  for (const std::uint32_t i : light) columns_[i] = {whole, i};
  for (const std::uint32_t i : heavy) columns_[i] = {whole, i};
}

std::size_t RandomTwo::draw() {
  const std::uint64_t bits = draws_.next();
  const std::size_t at = (bits >> 32) * columns_.size() >> 32;
  const Column& column = columns_[at];
  return static_cast<std::uint32_t>(bits) <= column.own ? at : column.other;
}

std::size_t RandomTwo::pick(const Choice& choice) {
  const std::size_t size = choice.size();
  std::size_t found = no_peer;
  for (int i = 0; i < 2 * draws_max && size != 0; ++i) {
    const std::size_t drawn = draw();
    if (drawn == found || !choice.may(drawn)) continue;
    if (found == no_peer) {
      found = drawn;
      if (size == 1) break;
      continue;
    }
    const auto& weights = choice.roster().weights;
    const bool lighter =
        choice[drawn].in_flight() * weights[found] < choice[found].in_flight() * weights[drawn];
    return lighter ? drawn : found;
  }
  if (found != no_peer || size == 0) return found;
  std::size_t index = draws_.below(static_cast<std::uint32_t>(size));
  for (std::size_t step = 0; step < size; ++step, index = index + 1 < size ? index + 1 : 0) {
    if (choice.may(index)) return index;
  }
  return no_peer;
}

}  // namespace weir
