#include "tools/load/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using std::chrono::nanoseconds;
using weir::load::Histogram;

TEST_CASE("histogram: every value comes back less than 0.4 % off") {
  for (std::uint64_t value = 1; value < Histogram::value_max; value = value * 17 / 13 + 1) {
    Histogram histogram;
    histogram.record(nanoseconds(value));
    histogram.record(nanoseconds(value / 2));  // min and max must not be what corrects it
    histogram.record(nanoseconds(value + value / 2));
    const auto got = static_cast<double>(histogram.percentile(50).count());
    CAPTURE(value);
    CHECK(std::abs(got - static_cast<double>(value)) <= 0.004 * static_cast<double>(value));
  }
}

TEST_CASE("histogram: percentiles are those of the sorted values") {
  std::vector<double> values;
  Histogram histogram;
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const double value = std::floor(std::exp(static_cast<double>(state >> 40) / (1 << 24) * 16));
    values.push_back(value);
    histogram.record(nanoseconds(static_cast<std::int64_t>(value)));
  }
  std::ranges::sort(values);
  for (const double percent : {1.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 20'000 - 1e-6));
    const double exact = values[rank - 1];
    CAPTURE(percent);
    CHECK(std::abs(static_cast<double>(histogram.percentile(percent).count()) - exact) <=
          0.004 * exact + 0.5);
  }
  CHECK(histogram.count() == 20'000);
  CHECK(static_cast<double>(histogram.min().count()) == values.front());
  CHECK(static_cast<double>(histogram.max().count()) == values.back());
}

TEST_CASE("histogram: p99.9 of a thousand values is the 999th, not the largest") {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.record(nanoseconds(100));
  histogram.record(nanoseconds(100'000));
  CHECK(histogram.percentile(99.9) == nanoseconds(100));
  CHECK(histogram.percentile(100) == nanoseconds(100'000));
}

TEST_CASE("histogram: empty, and values out of range") {
  Histogram histogram;
  CHECK(histogram.percentile(99) == nanoseconds(0));
  CHECK(histogram.mean() == nanoseconds(0));
  CHECK(histogram.min() == nanoseconds(0));
  histogram.record(nanoseconds(-5));
  CHECK(histogram.max() == nanoseconds(0));
  histogram.record(std::chrono::hours(100));
  CHECK(histogram.max() == nanoseconds(Histogram::value_max));
  CHECK(histogram.percentile(100) == nanoseconds(Histogram::value_max));
  CHECK(histogram.count() == 2);
}

TEST_CASE("histogram: two added are one that got both") {
  Histogram one, two, both;
  for (int i = 1; i < 1000; ++i) {
    (i % 3 == 0 ? one : two).record(nanoseconds(i * 1000));
    both.record(nanoseconds(i * 1000));
  }
  one.add(two);
  one.add(Histogram{});  // nothing, and its min is none
  CHECK(one.count() == both.count());
  CHECK(one.min() == both.min());
  CHECK(one.max() == both.max());
  CHECK(one.mean() == both.mean());
  CHECK(one.percentile(37) == both.percentile(37));
  CHECK(one.count_between(nanoseconds(0), nanoseconds(500'000)) ==
        both.count_between(nanoseconds(0), nanoseconds(500'000)));
}

TEST_CASE("histogram: ranges that meet count every value once") {
  Histogram histogram;
  for (int i = 0; i < 5000; ++i) histogram.record(nanoseconds(i * 777));
  std::uint64_t sum = 0;
  for (int from = 0; from < 5'000'000; from += 250'000) {
    sum += histogram.count_between(nanoseconds(from), nanoseconds(from + 250'000));
  }
  CHECK(sum == 5000);
}
