// Histogram: how long things took, in fixed memory: 128 steps per power of two of nanoseconds, so
// that a value read from it is less than 0.4 % off, from 0 to 73 minutes. Longer counts as that.
//
// A plain value: it lies in memory that a generating process shares with the one that reports.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::load {

class Histogram {
 public:
  using Time = std::chrono::nanoseconds;

  void record(Time value);  // less than nothing counts as nothing
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  Time min() const { return Time(count_ == 0 ? 0 : min_); }
  Time max() const { return Time(max_); }
  Time mean() const;
  // The smallest value that `percent` of all do not exceed; of an empty histogram 0.
  Time percentile(double percent) const;
  std::uint64_t count_between(Time from, Time below) const;  // to the width of a step

  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 42) - 1;

 private:
  static constexpr unsigned step_bits = 7;
  static constexpr std::size_t steps = std::size_t{1} << step_bits;
  static std::size_t index_of(std::uint64_t value);
  static std::uint64_t middle_of(std::size_t index);

  std::array<std::uint64_t, steps*(42 - step_bits + 1)> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0}, max_ = 0;
  double sum_ = 0;
};

}  // namespace weir::load
