#include "proxy/tries.h"

#include <doctest/doctest.h>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Two peers that nobody listens for, with a pooled connection each.
struct Bench : ProxyBench {
  explicit Bench(const std::string& lines, const std::string& more = "")
      : ProxyBench(
            "[upstream origins]\nserver = unix:/nonexistent/a.sock\nserver = "
            "unix:/nonexistent/b.sock\nkeepalive = 8\n" +
            lines +
            "\n[server web]\nlisten = 127.0.0.1:80\nupstream = origins\n"
            "debug_headers = on\n" +
            more) {}

  Client* origins[2] = {&pooled_origin(0), &pooled_origin(1)};
  Client& client = connect();

  Group& group() { return upstreams.group(config->upstreams.front()); }
  void ask(std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
    client.wire.to_code += request;
    settle();
  }
  // Who was asked and has not answered yet.
  std::optional<std::size_t> asked() {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!origins[i]->wire.from_code.empty()) return i;
    }
    return std::nullopt;
  }
  std::size_t answer(std::string_view text) {
    const auto who = asked();
    REQUIRE(who);
    origins[*who]->wire.from_code.clear();
    origins[*who]->wire.to_code += text;
    settle();
    return *who;
  }
  void reset(std::size_t who) {
    origins[who]->wire.reset_by_us = true;
    settle();
  }
  // What counts against a peer, as all workers see it.
  std::uint64_t failures(std::size_t who) {
    const auto index = zones->peers.find(group().peers()[who]->id());
    REQUIRE(index);
    return zones->peers.cell(*index).failures.load();
  }
  std::uint64_t all_failures() { return failures(0) + failures(1); }
  bool turn_until(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop.turn(std::chrono::milliseconds(10));
    }
    return true;
  }
};

constexpr const char* busy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
constexpr const char* fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

}  // namespace

TEST_CASE("tries: a held back answer is one failure of its peer, and keeps its connection") {
  Bench bench("retry = tries=2 on=http_503\nfail_on = error,http_503");
  bench.ask();
  const std::size_t first = bench.answer(busy);
  CHECK(bench.client.wire.from_code.empty());
  CHECK(bench.failures(first) == 1);
  CHECK(bench.answer(fine) == 1 - first);
  CHECK(has(bench.client.wire.from_code, "200 OK"));
  CHECK(has(bench.client.wire.from_code, "X-Retry-Count: 1\r\n"));
  CHECK_FALSE(has(bench.client.wire.from_code, "busy"));
  CHECK(bench.all_failures() == 1);
  CHECK(bench.group().pool().idle_count() == 2);
  CHECK(bench.count(&shm::CounterRow::upstream_retries) == 1);
  CHECK(bench.count(&shm::CounterRow::upstream_active) == 0);
  CHECK(bench.buffers.bytes_used() == 0);
}

TEST_CASE("tries: the last answer is passed on, and is a failure all the same") {
  Bench bench("retry = tries=2 on=http_503\nfail_on = error,http_503");
  bench.ask();
  bench.answer(busy);
  bench.answer(busy);
  CHECK(has(bench.client.wire.from_code, "503 Busy"));
  CHECK(bench.client.wire.from_code.ends_with("busy"));
  CHECK(bench.failures(0) == 1);
  CHECK(bench.failures(1) == 1);
}

TEST_CASE("tries: an answer that comes in pieces is not waited for") {
  Bench bench("retry = tries=2 on=http_503\nfail_on = error,http_503");
  bench.ask();
  const std::size_t first = bench.answer(std::string_view(busy).substr(0, 42));
  CHECK(bench.origins[first]->wire.destroyed);
  bench.answer(fine);
  CHECK(has(bench.client.wire.from_code, "200 OK"));
  CHECK(bench.group().pool().idle_count() == 1);
}

TEST_CASE("tries: each way to fail counts once, what is not the peer's fault not at all") {
  SUBCASE("no HTTP") {
    Bench bench("retry = tries=2 on=invalid");
    bench.ask();
    const std::size_t first = bench.answer("SMTP ready\r\n\r\n");
    bench.answer(fine);
    CHECK(bench.failures(first) == 1);
    CHECK(bench.all_failures() == 1);
  }
  SUBCASE("a head that breaks off") {
    Bench bench("retry = tries=2 on=error");
    bench.ask();
    const std::size_t first = bench.answer("HTTP/1.1 200 OK\r\n");
    bench.reset(first);
    bench.answer(fine);
    CHECK(has(bench.client.wire.from_code, "200 OK"));
    CHECK(bench.failures(first) == 1);
    CHECK(bench.all_failures() == 1);
  }
  SUBCASE("an answer that breaks off after it was passed on, by a status that is a failure") {
    Bench bench("retry = tries=1 on=http_503\nfail_on = error,http_503");
    bench.ask();
    const std::size_t first = bench.answer("HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nbu");
    CHECK(bench.failures(first) == 1);
    bench.reset(first);
    CHECK(bench.client.wire.destroyed);
    CHECK_FALSE(bench.asked());
    CHECK(bench.all_failures() == 1);
  }
  SUBCASE("an answer that breaks off") {
    Bench bench("");
    bench.ask();
    const std::size_t first = bench.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbu");
    bench.reset(first);
    CHECK(bench.failures(first) == 1);
    CHECK(bench.all_failures() == 1);
  }
  SUBCASE(
      "a stale connection, and then no other: the peer and the next one can't be connected to") {
    Bench bench("");
    bench.ask();
    const auto first = bench.asked();
    REQUIRE(first);
    bench.origins[1 - *first]->wire.half_closed = true;  // the pool will see it
    bench.reset(*first);
    CHECK(has(bench.client.wire.from_code, "502"));
    CHECK(bench.failures(0) == 1);
    CHECK(bench.failures(1) == 1);
  }
  SUBCASE("403 and 404 are answers") {
    Bench bench("retry = tries=2 on=http_403,http_404");
    bench.ask();
    bench.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    bench.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    CHECK(has(bench.client.wire.from_code, "403 Forbidden"));
    CHECK(bench.all_failures() == 0);
  }
  SUBCASE("a client that leaves, before an answer and inside its own body") {
    for (const char* request : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhell"}) {
      Bench bench("retry = tries=2 on=error,invalid");
      bench.ask(request);
      CHECK(bench.asked());
      bench.client.wire.reset_by_us = true;
      bench.settle();
      CHECK(bench.client.wire.destroyed);
      CHECK(bench.all_failures() == 0);
    }
  }
}

TEST_CASE("tries: a body goes out again from its first byte, with what came meanwhile") {
  Bench bench("retry = tries=2 on=http_503\nfail_on = error,http_503");
  bench.ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello ");
  const auto first = bench.asked();
  REQUIRE(first);
  CHECK(bench.origins[*first]->wire.from_code.ends_with("\r\n\r\nhello "));
  bench.answer(busy);
  CHECK(bench.origins[1 - *first]->wire.from_code.ends_with("\r\n\r\nhello "));
  bench.client.wire.to_code += "world";
  bench.settle();
  CHECK(bench.origins[1 - *first]->wire.from_code.ends_with("\r\n\r\nhello world"));
  bench.answer(fine);
  CHECK(has(bench.client.wire.from_code, "200 OK"));
  CHECK(bench.buffers.bytes_used() == 0);
  // The upload was not whole when it was answered: nothing may follow on that connection.
  CHECK(bench.origins[*first]->wire.destroyed);
}

TEST_CASE("tries: between two of them the client may leave") {
  Bench bench("retry = tries=2 on=http_503 backoff=60s");
  bench.ask();
  bench.answer(busy);
  CHECK(bench.count(&shm::CounterRow::upstream_retries) == 1);
  CHECK(bench.count(&shm::CounterRow::requests_active) == 1);
  CHECK_FALSE(bench.asked());
  bench.client.wire.reset_by_us = true;
  bench.settle();
  CHECK(bench.count(&shm::CounterRow::requests_active) == 0);
  CHECK(bench.count(&shm::CounterRow::requests_aborted) == 1);
  CHECK_FALSE(bench.asked());
}

TEST_CASE("tries: a late answer is asked for at a second peer, the first head wins") {
  for (const bool second_wins : {true, false}) {
    CAPTURE(second_wins);
    Bench bench("hedge = after p95");
    for (const auto& peer : bench.group().peers()) {
      for (int i = 0; i < 50; ++i) peer->answered(std::chrono::microseconds(50), 200);
    }
    bench.ask();
    const auto first = bench.asked();
    REQUIRE(first);
    const std::size_t second = 1 - *first;
    REQUIRE(bench.turn_until([&] { return bench.count(&shm::CounterRow::upstream_hedges) == 1; }));
    bench.settle();
    CHECK_FALSE(bench.origins[second]->wire.from_code.empty());
    const std::size_t winner = second_wins ? second : *first;
    bench.origins[winner]->wire.to_code += fine;
    bench.settle();
    CHECK(has(bench.client.wire.from_code, "200 OK"));
    CHECK(has(bench.client.wire.from_code, "X-Retry-Count: 1\r\n"));
    CHECK(bench.origins[1 - winner]->wire.destroyed);
    CHECK_FALSE(bench.origins[winner]->wire.destroyed);
    CHECK(bench.all_failures() == 0);
    CHECK(bench.count(&shm::CounterRow::upstream_active) == 0);
    CHECK(bench.group().peers()[0]->own_in_flight() == 0);
    CHECK(bench.group().peers()[1]->own_in_flight() == 0);
  }
}

TEST_CASE("tries: the failure of one of two is not the request's, that of both is") {
  Bench bench("hedge = after p95");
  for (int i = 0; i < 100; ++i) {
    bench.group().peers()[0]->answered(std::chrono::microseconds(50), 200);
  }
  bench.ask();
  const std::size_t first = *bench.asked();
  REQUIRE(bench.turn_until([&] { return bench.count(&shm::CounterRow::upstream_hedges) == 1; }));
  bench.settle();
  bench.origins[first]->wire.to_code += "junk\r\n\r\n";
  bench.settle();
  CHECK(bench.client.wire.from_code.empty());
  bench.origins[1 - first]->wire.to_code += "junk\r\n\r\n";
  bench.settle();
  CHECK(has(bench.client.wire.from_code, "502"));
  CHECK(bench.failures(0) == 1);
  CHECK(bench.failures(1) == 1);
}
