#include <doctest/doctest.h>

#include "conf/value.h"
#include "support.h"

using namespace weir::conf;

namespace {

const UpstreamConf* upstream_with(const Loaded& loaded) {
  return loaded.config == nullptr ? nullptr : &loaded.config->upstreams.front();
}

Loaded load_line(const std::string& line) {
  return test::load_text("[upstream x]\nserver = 127.0.0.1:1\n" + line +
                         "\n[server web]\nlisten = 80\n");
}

}  // namespace

TEST_CASE("retry: what is written is what is read, and printed so that it reads the same") {
  struct Row {
    std::string text, printed;
    std::uint32_t tries, on, budget;
    int backoff_ms, timeout_ms;
  };
  using On = RetryConf;
  const Row rows[] = {
      {"off", "off", 1, 0, 20, 0, 0},
      {"connect", "connect", 0, On::error | On::timeout, 20, 0, 0},
      {"tries=3", "tries=3", 3, On::error | On::timeout, 20, 0, 0},
      {"tries=2 on=http_5xx,http_503,error", "tries=2 on=error,http_5xx", 2,
       On::error | On::http_5xx, 20, 0, 0},
      {"tries=1 on=http_404,non_idempotent,invalid budget=0%",
       "tries=1 on=invalid,http_404,non_idempotent budget=0%", 1,
       On::http_404 | On::non_idempotent | On::invalid, 0, 0, 0},
      {"per_try_timeout=2s backoff=25ms tries=10 budget=100% on=http_403,http_429",
       "tries=10 on=http_429,http_403 budget=100% backoff=25ms per_try_timeout=2s", 10,
       On::http_403 | On::http_429, 100, 25, 2000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Loaded loaded = load_line("retry = " + row.text);
    CHECK(loaded.report() == "");
    const UpstreamConf* const upstream = upstream_with(loaded);
    REQUIRE(upstream != nullptr);
    const RetryConf& retry = *upstream->retry;
    CHECK(retry.tries == row.tries);
    CHECK(retry.on == row.on);
    CHECK(retry.budget == row.budget);
    CHECK(retry.backoff.count() == row.backoff_ms);
    CHECK(retry.per_try_timeout.count() == row.timeout_ms);
    CHECK(print_value(retry) == row.printed);
    const Loaded again = load_line("retry = " + row.printed);
    REQUIRE(upstream_with(again) != nullptr);
    CHECK(*upstream_with(again)->retry == retry);
  }
}

TEST_CASE("retry, hedge: what is refused") {
  for (const char* line : {"retry = on",
                           "retry = off tries=2",
                           "retry = connect tries=2",
                           "retry = on=error",
                           "retry = tries=0",
                           "retry = tries=11",
                           "retry = tries=x",
                           "retry = tries=2 tries=3",
                           "retry = tries=2 on=",
                           "retry = tries=2 on=error,",
                           "retry = tries=2 on=http_200",
                           "retry = tries=2 on=non_idempotent",
                           "retry = tries=2 budget=20",
                           "retry = tries=2 budget=101%",
                           "retry = tries=2 budget=%",
                           "retry = tries=2 backoff=61s",
                           "retry = tries=2 per_try_timeout=-1s",
                           "retry = tries=2 within=1s",
                           "retry_body_max_size = 65m",
                           "hedge = on",
                           "hedge = after",
                           "hedge = after 95",
                           "hedge = after p100",
                           "hedge = after p49",
                           "hedge = after p95 p99",
                           "hedge = off p95"}) {
    CAPTURE(line);
    CHECK(load_line(line).errors == 1);
  }
}

TEST_CASE("hedge: off unless it is written") {
  CHECK(upstream_with(load_line(""))->hedge->percentile == 0);
  const Loaded loaded = load_line("hedge = after p95");
  CHECK(upstream_with(loaded)->hedge->percentile == 95);
  CHECK(print_value(*upstream_with(loaded)->hedge) == "after p95");
  CHECK(print_value(HedgeConf{}) == "off");
}
