#include "tools/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace weir::load {

// Below 256 a value is its own step; above, the highest eight bits choose it.
std::size_t Histogram::index_of(std::uint64_t value) {
  if (value < 2 * steps) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
  return shift * steps + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Histogram::middle_of(std::size_t index) {
  if (index < 2 * steps) return index;
  const std::size_t shift = index / steps - 1;
  const std::uint64_t low = static_cast<std::uint64_t>(index - shift * steps) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

void Histogram::record(Time value) {
  const auto raw = static_cast<std::uint64_t>(std::max<Time::rep>(value.count(), 0));
  const std::uint64_t bounded = std::min(raw, value_max);
  ++counts_[index_of(bounded)];
  ++count_;
  min_ = std::min(min_, bounded);
  max_ = std::max(max_, bounded);
  sum_ += static_cast<double>(bounded);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

Histogram::Time Histogram::mean() const {
  if (count_ == 0) return Time(0);
  return Time(std::llround(sum_ / static_cast<double>(count_)));
}

Histogram::Time Histogram::percentile(double percent) const {
  if (count_ == 0) return Time(0);
  const double share = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_);
  // 99.9 / 100 * 1000 is a hair above 999: not the 1000th value.
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share - 1e-9 * static_cast<double>(count_))));
  if (wanted >= count_) return max();
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return Time(std::clamp(middle_of(i), min_, max_));
  }
  return max();
}

std::uint64_t Histogram::count_between(Time from, Time below) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const Time value(middle_of(i));
    if (value >= from && value < below) sum += counts_[i];
  }
  return sum;
}

}  // namespace weir::load
