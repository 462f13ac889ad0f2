#include "base/latency_scale.h"

#include <doctest/doctest.h>

#include <array>

using namespace weir;

TEST_CASE("latency scale: each latency is below its bucket's bound, and not below the one before") {
  for (std::uint64_t us = 0; us < 4'000'000; us += us / 37 + 1) {
    const std::size_t bucket = LatencyScale::bucket_of(us);
    REQUIRE(bucket < LatencyScale::buckets);
    if (bucket + 1 < LatencyScale::buckets) CHECK(us < LatencyScale::bound_of(bucket));
    if (bucket > 0) CHECK(us >= LatencyScale::bound_of(bucket - 1));
  }
  CHECK(LatencyScale::bucket_of(UINT64_MAX) == LatencyScale::buckets - 1);
}

TEST_CASE("latency scale: percentiles") {
  std::array<std::uint64_t, LatencyScale::buckets> counts{};
  CHECK(LatencyScale::percentile_us(counts, 0.5) == 0);
  counts[LatencyScale::bucket_of(1000)] = 98;
  counts[LatencyScale::bucket_of(100'000)] = 2;
  CHECK(LatencyScale::percentile_us(counts, 0.5) > 1000);
  CHECK(LatencyScale::percentile_us(counts, 0.5) <= 1250);
  CHECK(LatencyScale::percentile_us(counts, 0.99) > 100'000);
  CHECK(LatencyScale::percentile_us(counts, 0.99) <= 125'000);
}
