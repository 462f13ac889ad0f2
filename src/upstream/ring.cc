#include "upstream/ring.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/hash.h"

namespace weir {
namespace {

std::uint64_t point_hash(std::uint64_t id, std::uint32_t number) {
  return mix64(mix64(id) + number * 0x9e3779b97f4a7c15U);
}

}  // namespace

std::uint32_t Ring::points_of(std::uint32_t weight) const {
  const std::uint64_t whole = std::uint64_t{weight} * points_per_weight / Roster::weight_unit;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(whole >> halved_, 1));
}

void Ring::renew(const Roster& roster) {
  assert(roster.size() <= owner_mask);
  const auto sum = std::accumulate(roster.weights.begin(), roster.weights.end(), std::uint64_t{0});
  unsigned halved = 0;
  while ((sum * points_per_weight / Roster::weight_unit >> halved) > points_most) ++halved;
  if (halved != halved_) *this = Ring();
  halved_ = halved;
  ++renewal_;

  gone_.assign(index_of_.size(), false);
  for (std::size_t i = 0; i < roster.size(); ++i) {
    const auto known = owners_.find(roster.peers[i]->id());
    if (known == owners_.end()) continue;
    known->second.seen = renewal_;
    // Fewer points than before: those of a lower number stay where they are.
    if (points_of(roster.weights[i]) < known->second.points) {
      gone_[known->second.number] = true;
      known->second.points = 0;
    }
  }
  remove_gone();
  for (std::size_t i = 0; i < roster.size(); ++i) {
    const std::uint64_t id = roster.peers[i]->id();
    const auto [at, is_new] = owners_.try_emplace(id);
    Owner& owner = at->second;
    if (is_new) {
      if (free_numbers_.empty()) {
        free_numbers_.push_back(static_cast<std::uint32_t>(index_of_.size()));
        index_of_.push_back(0);
      }
      owner.number = free_numbers_.back();
      free_numbers_.pop_back();
      owner.seen = renewal_;
    }
    index_of_[owner.number] = static_cast<std::uint32_t>(i);
    add_points(id, owner, points_of(roster.weights[i]));
  }
  const auto kept = static_cast<std::ptrdiff_t>(points_.size());
  std::sort(added_.begin(), added_.end());
  points_.insert(points_.end(), added_.begin(), added_.end());
  std::inplace_merge(points_.begin(), points_.begin() + kept, points_.end());
  added_.clear();
  index();
}

void Ring::add_points(std::uint64_t id, Owner& owner, std::uint32_t count) {
  for (std::uint32_t i = owner.points; i < count; ++i) {
    added_.push_back((point_hash(id, i) & ~owner_mask) | owner.number);
  }
  owner.points = count;
}

// Those of peers that are not in the roster any more, and of those marked.
void Ring::remove_gone() {
  for (auto at = owners_.begin(); at != owners_.end();) {
    if (at->second.seen == renewal_) {
      ++at;
      continue;
    }
    gone_[at->second.number] = true;
    free_numbers_.push_back(at->second.number);
    at = owners_.erase(at);
  }
  if (std::find(gone_.begin(), gone_.end(), true) == gone_.end()) return;
  std::erase_if(points_, [&](std::uint64_t point) { return gone_[point & owner_mask]; });
}

void Ring::index() {
  const std::size_t parts = std::bit_ceil(std::max<std::size_t>(points_.size(), 2));
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(parts));
  starts_.resize(parts);
  std::size_t part = 0;
  for (std::size_t at = 0; at < points_.size(); ++at) {
    for (; part <= points_[at] >> shift_; ++part) starts_[part] = static_cast<std::uint32_t>(at);
  }
  for (; part < parts; ++part) starts_[part] = static_cast<std::uint32_t>(points_.size());
}

}  // namespace weir
