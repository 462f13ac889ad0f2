#include "tools/load/report.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "tools/load/progress.h"

using namespace weir;
using namespace weir::load;
using namespace std::chrono_literals;

namespace {

Plan plan() {
  Plan out;
  out.options.method = "POST";
  out.options.rps = 100;
  out.options.expected = *parse_statuses("2xx");
  out.options.target = *parse_url(out.options.url);
  return out;
}

// A thousand answers in ten seconds: 900 within 1 ms, 95 within 8 ms, five 503 in 100 ms.
Outcome outcome() {
  Outcome out;
  out.elapsed = 10s;
  out.cpu = std::chrono::duration<double>(1.0);
  Tally& tally = out.tally;
  for (int i = 0; i < 900; ++i) tally.latency.record(800us);
  for (int i = 0; i < 95; ++i) tally.latency.record(7ms);
  for (int i = 0; i < 5; ++i) tally.latency.record(100ms);
  tally.requests = tally.in_window = 1000;
  tally.ok = 995;
  tally.statuses[200] = 995;
  tally.statuses[503] = 5;
  for (int i = 0; i < 5; ++i) tally.failed(Failure::status, {});
  tally.connections = tally.tls_full = 4;
  tally.bytes_in = 3 * 1024 * 1024;
  tally.bytes_out = 1000;
  return out;
}

bool has(const std::string& text, std::string_view part) {
  CAPTURE(text);
  CAPTURE(part);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("load report: counts, percentiles and the histogram stand in it") {
  const std::string text = report_text(plan(), outcome(), false);
  for (const char* part :
       {"POST https://localhost:8443/test\n", "100 requests/s\n", "was not verified (-k)\n",
        "1000 in 10.0 s, 100.0 answered a second", "995 ok, 5 failed (0.50 %)",
        "995 with status 200\n", "5 with status 503\n",
        "4 opened, 4 full and 0 resumed TLS handshakes\n", "3.0 MiB in, 1000 bytes out\n",
        "from the moment a request was meant to start", "p50    ", "p99      7.0", "p99.9   ",
        "below     1 ms ########################################", "below    10 ms #####"}) {
    CHECK(has(text, part));
  }
  CHECK((has(text, "p50       799 us\n") || has(text, "p50       801 us\n")));  // 0.4 %
  CHECK_FALSE(has(text, "warning"));
  CHECK(text.find('\x1b') == text.npos);
  CHECK(has(report_text(plan(), outcome(), true), "\x1b[32m995 ok\x1b[0m"));
}

TEST_CASE("load report: whose certificate it was") {
  Plan of = plan();
  of.development = true;
  CHECK(has(report_text(of, outcome(), false), "weir's own for development"));
  of.verified = true;
  of.development = false;
  CHECK_FALSE(has(report_text(of, outcome(), false), "verified"));
}

TEST_CASE("load report: failures by kind, with what the first was") {
  Outcome of = outcome();
  of.tally.failed(Failure::tls, "self-signed certificate");
  of.tally.failed(Failure::tls, "another");
  of.tally.failed(Failure::connect_refused, "connection refused");
  const std::string text = report_text(plan(), of, false);
  CHECK(has(text, "2 TLS failed: self-signed certificate\n"));
  CHECK(has(text, "1 connection refused\n"));
}

TEST_CASE("load report: nothing answered is said without percentiles") {
  Outcome of;
  of.elapsed = 1s;
  of.tally.requests = 3;
  for (int i = 0; i < 3; ++i) of.tally.failed(Failure::timeout, "before the answer");
  const std::string text = report_text(plan(), of, false);
  CHECK(has(text, "0 ok, 3 failed (100.00 %)"));
  CHECK_FALSE(has(text, "p50"));
  CHECK_FALSE(has(text, "histogram"));
}

TEST_CASE("load report: it says when it was itself what limited") {
  Outcome of = outcome();
  CHECK(warnings(plan(), of).empty());
  of.cpu = std::chrono::duration<double>(9.5);
  REQUIRE(warnings(plan(), of).size() == 1);
  CHECK(has(warnings(plan(), of)[0], "was busy 95 %"));
  Plan two = plan();
  two.options.workers = 2;
  CHECK(warnings(two, of).empty());
}

TEST_CASE("load report: it says when its requests were late, and when the rate was not held") {
  Outcome of = outcome();
  for (int i = 0; i < 100; ++i) of.tally.lag.record(i < 95 ? 10us : 30ms);
  of.tally.in_window = 900;
  const auto said = warnings(plan(), of);
  REQUIRE(said.size() == 2);
  CHECK(has(said[0], "late with its own requests"));
  CHECK(has(said[1], "90.0 of 100 requests/s"));
  of.interrupted = true;
  CHECK(warnings(plan(), of).size() == 1);
  Plan closed = plan();
  closed.options.open_loop = false;
  CHECK(warnings(closed, of).empty());
}

TEST_CASE("load report: as JSON") {
  Outcome of = outcome();
  of.tally.failed(Failure::reset, "connection reset by peer");
  of.tally.tls_resumed = 3;
  const auto json = parse_json(report_json(plan(), of));
  CHECK(json["duration"] == 10.0);
  CHECK(json["requests"] == 1000);
  CHECK(json["ok"] == 995);
  CHECK(json["failed"] == 6);
  CHECK(json["rps"] == 100.0);
  CHECK(json["latency_us"]["max"] == 100'000.0);
  CHECK(json["latency_us"]["p50"].get<double>() == doctest::Approx(800).epsilon(0.004));
  CHECK(json["latency_us"]["p99"].get<double>() == doctest::Approx(7000).epsilon(0.004));
  for (const char* key : {"mean", "min", "p75", "p90", "p95", "p99.9"}) {
    CHECK(json["latency_us"].contains(key));
  }
  CHECK(json["statuses"] == Json({{"200", 995}, {"503", 5}}));
  CHECK(json["errors"] == Json({{"reset", 1}, {"status", 5}}));
  CHECK(json["error_details"]["reset"] == "connection reset by peer");
  CHECK(json["tls_handshakes"] == 7);
  CHECK(json["tls_resumed"] == 3);
  CHECK(json["connections"] == 4);
  CHECK(json["verified"] == false);
  CHECK(json["warnings"].is_array());
}

TEST_CASE("load report: the limit of failures is a share, and by default none") {
  Plan of = plan();
  CHECK_FALSE(within_limit(of, outcome().tally));
  of.options.failed_percent_max = 0.5;
  CHECK(within_limit(of, outcome().tally));
  of.options.failed_percent_max = 0.49;
  CHECK_FALSE(within_limit(of, outcome().tally));
  CHECK(within_limit(plan(), Tally{}));
}

TEST_CASE("load report: times in the unit that fits") {
  CHECK(time_text(0ns) == "0 us");
  CHECK(time_text(812'400ns) == "812 us");
  CHECK(time_text(1'234us) == "1.23 ms");
  CHECK(time_text(12'345us) == "12.3 ms");
  CHECK(time_text(123'456us) == "123 ms");
  CHECK(time_text(2s) == "2 s");
}

TEST_CASE("load progress: by time or by number, within the width") {
  Progress at;
  at.elapsed = 2500ms;
  at.duration = 10s;
  at.done = 250;
  at.per_second = 100;
  const std::string line = progress_line(at, 100);
  CHECK(line.starts_with("[==========                              ]"));
  CHECK(has(line, " 25%  2 s  250 done  100/s  0 open  0 failed"));
  CHECK(progress_line(at, 30).size() == 30);
  at.requests = 500;
  CHECK(has(progress_line(at, 100), " 50% "));
  at.done = 5000;  // more than all is all
  CHECK(has(progress_line(at, 100), "100% "));
}
