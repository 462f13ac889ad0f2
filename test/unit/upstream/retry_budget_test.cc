#include "upstream/retry_budget.h"

#include <doctest/doctest.h>

#include "shm/zones.h"
#include "upstream/hedge_delay.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

// Two workers of one instance, and a clock that the test moves.
struct Two {
  std::unique_ptr<shm::Zones> zones = [] {
    auto made = shm::Zones::create({});
    REQUIRE(made);
    return std::move(*made);
  }();
  shm::SlotId first_slot = *zones->claim(shm::Role::worker, 1, 1);
  shm::SlotId second_slot = *zones->claim(shm::Role::worker, 1, 2);
  RetryBudget first{&zones->peers, first_slot, "origins"};
  RetryBudget second{&zones->peers, second_slot, "origins"};
  clock::Monotonic now = clock::Monotonic(1'000'000s);

  int granted(RetryBudget& budget, int wanted, std::uint32_t percent = 20) {
    int count = 0;
    for (int i = 0; i < wanted; ++i) count += budget.take(percent, now) ? 1 : 0;
    return count;
  }
  void requests(RetryBudget& budget, int count) {
    for (int i = 0; i < count; ++i) budget.count_request(now);
  }
};

}  // namespace

TEST_CASE("retry budget: ten a second over all workers, whatever the requests") {
  Two two;
  CHECK(two.granted(two.first, 7) == 7);
  CHECK(two.granted(two.second, 7) == 3);
  CHECK(two.granted(two.first, 5) == 0);
  two.now += 1s;
  CHECK(two.granted(two.second, 50) == 10);
  CHECK(two.granted(two.first, 50) == 0);
}

TEST_CASE("retry budget: a share of what all workers got in the last ten seconds") {
  Two two;
  two.requests(two.first, 300);
  two.requests(two.second, 700);
  CHECK(two.granted(two.first, 1000) == 200);
  CHECK(two.granted(two.second, 1000) == 0);
  two.now += 5s;
  two.requests(two.second, 1000);
  CHECK(two.granted(two.second, 1000) == 200);  // 2000 requests, 200 retries before
  two.now += 5s;                                // the first second is at the edge
  CHECK(two.granted(two.first, 1000) == 10);
  two.now += 1s;  // and gone: 1000 requests, 210 retries
  CHECK(two.granted(two.first, 1000) == 10);
  two.now += 20s;
  CHECK(two.granted(two.first, 1000) == 10);
}

TEST_CASE("retry budget: other groups and other shares are their own") {
  Two two;
  RetryBudget other(&two.zones->peers, two.first_slot, "others");
  two.requests(two.first, 100);
  for (int i = 0; i < 5000; ++i) other.count_request(two.now);
  CHECK(two.granted(two.first, 100, 50) == 50);
  CHECK(two.granted(other, 5000, 0) == 10);
  RetryBudget alone(nullptr, {}, "origins");
  CHECK(two.granted(alone, 100) == 10);
}

TEST_CASE("retry budget: a slot's next worker goes on where the last one was killed") {
  Two two;
  two.requests(two.first, 100);
  CHECK(two.granted(two.first, 15) == 15);
  RetryBudget next(&two.zones->peers, two.first_slot, "origins");
  next.count_request(two.now);
  CHECK(two.granted(next, 100) == 5);  // 20 % of 101
}

TEST_CASE("hedge delay: nothing before enough answers, then their percentile") {
  HedgeDelay delay;
  HedgeDelay::Counts counts{};
  counts[LatencyScale::bucket_of(5'000)] = 99;
  delay.take(counts, 95);
  CHECK_FALSE(delay.known());
  counts[LatencyScale::bucket_of(900'000)] = 1;
  delay.take(counts, 95);
  REQUIRE(delay.known());
  CHECK(*delay.known() >= 5ms);
  CHECK(*delay.known() <= 7ms);
}

TEST_CASE("hedge delay: what was long ago fades away") {
  HedgeDelay delay;
  HedgeDelay::Counts counts{};
  counts[LatencyScale::bucket_of(5'000)] = 1'000'000;
  delay.take(counts, 95);
  CHECK(*delay.known() <= 7ms);
  for (int look = 0; look < 20; ++look) {
    counts[LatencyScale::bucket_of(300'000)] += 200;
    delay.take(counts, 95);
  }
  CHECK(*delay.known() >= 300ms);
  counts[LatencyScale::bucket_of(5'000)] = 10;  // a peer has left with its counts
  delay.take(counts, 95);
  CHECK(*delay.known() >= 300ms);
}
