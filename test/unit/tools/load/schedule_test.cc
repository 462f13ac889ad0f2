#include "tools/load/schedule.h"

#include <doctest/doctest.h>

#include <set>

using namespace weir::load;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST_CASE("schedule: how many requests a duration holds") {
  CHECK(Schedule::requests_in(10, 60s) == 600);
  CHECK(Schedule::requests_in(100, 10s) == 1000);
  CHECK(Schedule::requests_in(30, 100ms) == 3);
  CHECK(Schedule::requests_in(0.5, 3s) == 2);  // at 0 s and at 2 s
  CHECK(Schedule::requests_in(0.001, 1s) == 1);
  CHECK(Schedule::requests_in(10'000'000, 24h) == 864'000'000'000);
}

TEST_CASE("schedule: the first request is due at once, the others evenly after it") {
  const Schedule schedule(4, 8, {});
  CHECK(schedule.total() == 8);
  CHECK(schedule.start_of(0) == 0ns);
  CHECK(schedule.start_of(1) == 250ms);
  CHECK(schedule.start_of(7) == 1750ms);
  CHECK(schedule.due(-1ns) == 0);
  CHECK(schedule.due(0ns) == 1);
  CHECK(schedule.due(249'999'999ns) == 1);
  CHECK(schedule.due(250ms) == 2);
  CHECK(schedule.due(1h) == 8);
}

TEST_CASE("schedule: a request is due exactly from its start on, at every rate") {
  for (const double rate : {0.3, 7.0, 999.7, 4000.0, 123'456.7, 10'000'000.0}) {
    const Schedule schedule(rate, std::uint64_t{1} << 40, {});
    for (std::uint64_t nth = 1; nth < (std::uint64_t{1} << 33); nth = nth * 3 + 1) {
      if (static_cast<double>(nth) / rate > 1e7) break;  // four months
      const auto start = schedule.start_of(nth);
      CAPTURE(rate);
      CAPTURE(nth);
      CHECK(schedule.due(start) == nth + 1);
      CHECK(schedule.due(start - 1ns) == nth);
    }
  }
}

TEST_CASE("schedule: workers share the requests, none twice and none left out") {
  for (const unsigned workers : {1U, 2U, 3U, 7U}) {
    std::set<nanoseconds> starts;
    std::uint64_t total = 0;
    for (unsigned worker = 0; worker < workers; ++worker) {
      const Schedule schedule(1000, 100, {worker, workers});
      total += schedule.total();
      for (std::uint64_t i = 0; i < schedule.total(); ++i) starts.insert(schedule.start_of(i));
      CHECK(schedule.due(1h) == schedule.total());
      CHECK(schedule.due(schedule.start_of(0) - 1ns) == 0);
    }
    CHECK(total == 100);
    CHECK(starts.size() == 100);
    CHECK(*starts.begin() == 0ns);
    CHECK(*starts.rbegin() == 99ms);
  }
}

TEST_CASE("schedule: fewer requests than workers leave some without any") {
  const Schedule schedule(10, 1, {1, 2});
  CHECK(schedule.total() == 0);
  CHECK(schedule.due(1h) == 0);
}
