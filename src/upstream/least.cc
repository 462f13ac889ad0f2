#include "upstream/least.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "upstream/turns.h"

namespace weir {
namespace {

constexpr float never = std::numeric_limits<float>::infinity();
constexpr int corrections_max = 12;
constexpr int refusals_max = 4;  // then whoever comes first

}  // namespace

void Least::renew(const Roster& roster) {
  loads_.renew(roster);
  const auto& weights = roster.weights;
  equal_ =
      std::adjacent_find(weights.begin(), weights.end(), std::not_equal_to<>()) == weights.end();
  if (!weights.empty()) next_ %= weights.size();
  costs_.assign(loads_.padded_size(), never);
  scores_.assign(loads_.padded_size(), never);
  time_ = 0;
  due_.clear();
  for (const std::uint32_t weight : weights) due_.push_back(turn_step(weight) / 2);
  renewed_ = true;
}

float Least::compare() {
  std::array<float, Loads::block> least;
  least.fill(never);
  std::array<std::uint32_t, Loads::block> loads;
  for (std::size_t at = 0; at < scores_.size(); at += Loads::block) {
    loads_.read_block(at, loads);
    for (std::size_t i = 0; i < Loads::block; ++i) {
      scores_[at + i] = score(loads[i], at + i);
      least[i] = scores_[at + i] < least[i] ? scores_[at + i] : least[i];
    }
  }
  return *std::min_element(least.begin(), least.end());
}

float Least::lowest() const {
  std::array<float, Loads::block> least;
  least.fill(never);
  for (std::size_t at = 0; at < scores_.size(); at += Loads::block) {
    for (std::size_t i = 0; i < Loads::block; ++i) {
      least[i] = scores_[at + i] < least[i] ? scores_[at + i] : least[i];
    }
  }
  return *std::min_element(least.begin(), least.end());
}

// There is one, for `lowest` is among the scores.
std::size_t Least::in_turn(float lowest) const {
  const auto begin = scores_.begin();
  const auto from = begin + static_cast<std::ptrdiff_t>(next_);
  auto found = std::find(from, scores_.end(), lowest);
  if (found == scores_.end()) found = std::find(begin, from, lowest);
  return static_cast<std::size_t>(found - begin);
}

std::size_t Least::in_turn_by_weight(float lowest) const {
  std::size_t found = 0;
  std::uint64_t earliest = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < due_.size(); ++i) {
    const bool earlier = scores_[i] == lowest && due_[i] < earliest;
    found = earlier ? i : found;
    earliest = earlier ? due_[i] : earliest;
  }
  return found;
}

void Least::took(std::size_t index, const Roster& roster) {
  next_ = index + 1 < roster.size() ? index + 1 : 0;
  if (equal_) return;
  time_ = std::max(time_, due_[index]);
  due_[index] = time_ + turn_step(roster.weights[index]);
}

std::size_t Least::pick(const Choice& choice) {
  const std::size_t size = choice.size();
  if (size == 0) return no_peer;
  if (loads_.refresh(choice.now()) || renewed_) {
    find_costs(choice.roster(), choice.now(), renewed_, costs_);
    renewed_ = false;
  }
  loads_.refresh_part();
  float least = compare();
  for (int corrections = 0, refusals = 0; refusals < refusals_max && least < never;) {
    const std::size_t index = equal_ ? in_turn(least) : in_turn_by_weight(least);
    if (corrections < corrections_max && loads_.correct(index)) {
      ++corrections;
      scores_[index] = score(loads_.of(index), index);
    } else if (choice.may(index)) {
      took(index, choice.roster());
      return index;
    } else {
      ++refusals;
      scores_[index] = never;
    }
    least = lowest();
  }
  for (std::size_t step = 0, index = next_; step < size;
       ++step, index = index + 1 < size ? index + 1 : 0) {
    if (scores_[index] == never || !choice.may(index)) continue;
    took(index, choice.roster());
    return index;
  }
  return no_peer;
}

}  // namespace weir
