#include "tools/top/format.h"

#include <doctest/doctest.h>

using namespace weir::top;

TEST_CASE("weir-top: a duration has two figures that matter") {
  CHECK(duration(-5) == "0.0s");
  CHECK(duration(0) == "0.0s");
  CHECK(duration(449) == "0.4s");
  CHECK(duration(9'999) == "9.9s");
  CHECK(duration(10'000) == "10s");
  CHECK(duration(59'999) == "59s");
  CHECK(duration(60'000) == "1m00s");
  CHECK(duration(3'599'999) == "59m59s");
  CHECK(duration(3'600'000) == "1h00m");
  CHECK(duration(86'399'999) == "23h59m");
  CHECK(duration(86'400'000LL * 400) == "400d00h");
}

TEST_CASE("weir-top: a latency is read at a glance, and none is no number") {
  CHECK(latency(0) == "-");
  CHECK(latency(640) == "640us");
  CHECK(latency(2'345) == "2.3ms");
  CHECK(latency(10'000) == "10ms");
  CHECK(latency(999'999) == "999ms");
  CHECK(latency(1'250'000) == "1.2s");
}

TEST_CASE("weir-top: rates, shares and counts keep to their width") {
  CHECK(rate(0) == "0");
  CHECK(rate(-1) == "0");
  CHECK(rate(0.26) == "0.3");
  CHECK(rate(9.94) == "9.9");
  CHECK(rate(9.96) == "10");
  CHECK(rate(9'999) == "9999");
  CHECK(rate(12'345) == "12.3k");
  CHECK(rate(4'500'000) == "4.5M");
  CHECK(percent(0) == "0.0");
  CHECK(percent(0.125) == "12.5");
  CHECK(percent(0.9999) == "100");
  CHECK(percent(1) == "100");
  CHECK(count(99'999) == "99999");
  CHECK(count(1'234'567) == "1234k");
  CHECK(count(56'000'000) == "56M");
  CHECK(size(0) == "0");
  CHECK(size(1023) == "1023");
  CHECK(size(1536) == "1.5k");
  CHECK(size(1023 * 1024) == "1023k");
  CHECK(size((1 << 20) - 1) == "1.0M");
  CHECK(size(64 << 20) == "64M");
  CHECK(size(~std::uint64_t{0}) == "16E");
}

TEST_CASE("weir-top: nothing that came from outside can steer a terminal") {
  CHECK(printable("GET /a b~") == "GET /a b~");
  CHECK(printable(std::string_view("\x1b[2J\0\r\n\t\x7f\xc3\xa9\x9b", 12)) == "?[2J????????");
}
