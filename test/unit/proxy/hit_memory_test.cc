#include "proxy/hit_memory.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <utility>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

std::string with_cache(const std::string& server = "", const std::string& rest = "",
                       const std::string& main = "") {
  return "[main]\nerror_log = stderr emerg\n" + main +
         "\n[upstream origins]\nserver = 127.0.0.1:9001\n[cache pages]\nsize = 64m\n"
         "[server web]\nlisten = 127.0.0.1:80\nupstream = origins\ncache = pages\n" +
         server + "\n" + rest;
}

std::string request_of(std::string_view target) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target);
}

std::string answer_of(std::string_view body) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: max-age=100\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// A client, and an origin that has answered its first request.
struct World {
  explicit World(const std::string& text, std::string_view body = "hello") : bench(text) {
    ProxyBench::Client& origin = bench.pooled_origin();
    client = &bench.connect();
    bench.exchange(*client, request_of("/a"));
    REQUIRE(has(origin.wire.from_code, "GET /a"));
    origin.wire.to_code = answer_of(body);
    bench.settle();
    REQUIRE(has(std::exchange(client->wire.from_code, {}), "X-Cache: MISS"));
  }
  std::string ask(std::string_view target = "/a") {
    return bench.exchange(*client, request_of(target));
  }
  // So many that a second that ends between two of them does not matter.
  std::uint64_t repeated_of_20() {
    for (int i = 0; i < 20; ++i) CHECK(has(ask(), "X-Cache: HIT"));
    return bench.count(&shm::CounterRow::cache_repeated);
  }

  ProxyBench bench;
  ProxyBench::Client* client = nullptr;
};

std::uint64_t repeated_with(const std::string& server, const std::string& rest = "",
                            const std::string& main = "") {
  return World(with_cache(server, rest, main)).repeated_of_20();
}

}  // namespace

TEST_CASE("hit memory: a request that comes again has the answer of the first hit, byte for byte") {
  World world(with_cache());
  const std::string first = world.ask();
  CHECK(has(first, "X-Cache: HIT"));
  CHECK(has(first, "Age: "));
  CHECK(has(first, "\r\n\r\nhello"));
  bool same = false;
  for (int i = 0; i < 20; ++i) same = same || world.ask() == first;
  CHECK(same);
  CHECK(world.bench.count(&shm::CounterRow::cache_repeated) > 0);
}

TEST_CASE("hit memory: a copy in a coding is repeated, with its length and not as what it is of") {
  World world(with_cache("compress = gzip"), std::string(5000, 'a'));
  const auto coded = [&world] {
    return world.bench.exchange(*world.client,
                                "GET /a HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  };
  CHECK(has(coded(), "Content-Encoding: gzip"));
  const std::string first = coded();
  CHECK(has(first, "X-Cache: HIT"));
  CHECK(has(first, "Content-Length: "));
  bool same = false;
  for (int i = 0; i < 20; ++i) same = coded() == first || same;
  CHECK(same);
  CHECK(world.bench.count(&shm::CounterRow::cache_repeated) > 0);
  CHECK(world.bench.count(&shm::CounterRow::cache_copies_made) == 1);
  CHECK(world.bench.count(&shm::CounterRow::cache_copies_used) == 21);
  CHECK(has(world.ask(), "Content-Length: 5000"));
}

TEST_CASE("hit memory: what is counted is the same either way") {
  World world(with_cache());
  const auto of = [&](auto member) { return world.bench.count(member); };
  CHECK(has(world.ask(), "X-Cache: HIT"));
  const std::uint64_t in = of(&shm::CounterRow::bytes_in), out = of(&shm::CounterRow::bytes_out);
  const std::uint64_t cached = of(&shm::CounterRow::cache_bytes_out);
  std::uint64_t bytes = 0;
  for (int i = 0; i < 20; ++i) bytes += world.ask().size();
  CHECK(of(&shm::CounterRow::cache_repeated) > 0);
  CHECK(of(&shm::CounterRow::requests) == 22);
  CHECK(of(&shm::CounterRow::requests_active) == 0);
  CHECK(of(&shm::CounterRow::responses_2xx) == 22);
  CHECK(of(&shm::CounterRow::cache_hits) == 21);
  CHECK(of(&shm::CounterRow::bytes_in) == in + 20 * request_of("/a").size());
  CHECK(of(&shm::CounterRow::bytes_out) == out + bytes);
  CHECK(of(&shm::CounterRow::cache_bytes_out) == cached + bytes);
  CHECK(of(&shm::CounterRow::connections_waiting) == 1);
}

TEST_CASE("hit memory: only where nothing but the request decides") {
  CHECK(repeated_with("") > 0);
  CHECK(repeated_with("debug_headers = on") > 0);
  CHECK(repeated_with("add_header = X-A $host$request_uri") > 0);
  CHECK(repeated_with("add_header = X-A $request_id") == 0);
  CHECK(repeated_with("add_header = X-A $remote_addr") == 0);
  CHECK(repeated_with("cache_key = $host$request_uri$remote_addr") == 0);
  CHECK(repeated_with("rewrite = ^/never$ /a") == 0);
  CHECK(repeated_with("access_log = lines", "[log lines]\npath = /dev/null\n") == 0);
  CHECK(repeated_with("", "", "hit_memory = 0") == 0);
}

TEST_CASE("hit memory: fields that are judged, other methods and versions go the long way") {
  World world(with_cache());
  const auto answers_with = [&](std::string_view first_line, std::string_view fields,
                                std::string_view expected) {
    const std::string request = fmt::format("{}\r\nHost: a\r\n{}\r\n", first_line, fields);
    for (int i = 0; i < 5; ++i) CHECK(has(world.bench.exchange(*world.client, request), expected));
    return world.bench.count(&shm::CounterRow::cache_repeated);
  };
  CHECK(answers_with("GET /a HTTP/1.1", "Range: bytes=1-2\r\n", "\r\n\r\nel") == 0);
  CHECK(answers_with("GET /a HTTP/1.1", "If-None-Match: \"x\"\r\n", "200 OK") == 0);
  CHECK(answers_with("GET /a HTTP/1.1", "Cache-Control: max-age=50\r\n", "HIT") == 0);
  CHECK(answers_with("HEAD /a HTTP/1.1", "", "HIT") == 0);
  CHECK(answers_with("GET /a HTTP/1.0", "Connection: keep-alive\r\n", "HIT") == 0);
  CHECK(answers_with("GET /a HTTP/1.1", "User-Agent: x\r\n", "HIT") > 0);
}

TEST_CASE("hit memory: what is stored anew or purged is not repeated") {
  World world(with_cache());
  CHECK(world.repeated_of_20() > 0);
  cache::Store& store = *world.bench.stores[0];
  store.purge(store.key("httpa/a"), true);
  CHECK(!has(world.ask(), "X-Cache: HIT"));  // validated; nobody answers
  store.purge_all(false);
  CHECK(!has(world.ask(), "X-Cache: HIT"));
}

TEST_CASE("hit memory: the last request of a connection goes the long way, and says so") {
  World world(with_cache("keepalive_requests = 10"));
  std::string last;
  for (int i = 0; i < 9; ++i) last = world.ask();
  CHECK(has(last, "Connection: close"));
  CHECK(world.client->wire.destroyed);

  World leaving(with_cache());
  CHECK(leaving.repeated_of_20() > 0);
  leaving.bench.context.draining = true;
  CHECK(has(leaving.ask(), "Connection: close"));
}

TEST_CASE("hit memory: a client that takes little at a time gets all of it, and may go on") {
  struct Case {
    std::size_t step, bytes;
  };
  for (const auto [step, bytes] : {Case{1, 3000}, Case{7, 3000}, Case{1000, 3000},
                                   Case{999, 100'000}, Case{70'000, 100'000}}) {
    std::string text;
    for (int i = 0; text.size() < bytes; ++i) text += fmt::format("{} ", i);
    World world(with_cache(), text);
    CHECK(world.repeated_of_20() > 0);
    test::Wire& wire = world.client->wire;
    const std::uint64_t before = world.bench.count(&shm::CounterRow::cache_repeated);
    for (int round = 0; round < 3; ++round) {
      wire.from_code.clear();
      wire.to_code = request_of("/a");
      for (int i = 0; i < 5000 && !has(wire.from_code, text); ++i) {
        wire.room = step;
        world.client->deliver();
        world.bench.turn();
      }
      CHECK(wire.from_code.starts_with("HTTP/1.1 200 OK\r\n"));
      CHECK(wire.from_code.ends_with("\r\n\r\n" + text));
    }
    wire.room = std::numeric_limits<std::size_t>::max();
    CHECK(world.bench.count(&shm::CounterRow::cache_repeated) > before);
    CHECK(has(world.ask(), "X-Cache: HIT"));
  }
}

TEST_CASE("hit memory: what is too large or in many pieces goes the long way") {
  World world(with_cache(), std::string(300'000, 'b'));
  CHECK(world.repeated_of_20() == 0);
}

TEST_CASE("hit memory: a connection that is lost in the middle of an answer is closed") {
  World world(with_cache(), std::string(3000, 'b'));
  CHECK(world.repeated_of_20() > 0);
  test::Wire& wire = world.client->wire;
  wire.to_code = request_of("/a");
  wire.room = 100;
  world.client->deliver();
  wire.reset_by_us = true;
  world.bench.settle();
  CHECK(wire.destroyed);
  CHECK(world.bench.count(&shm::CounterRow::requests_aborted) == 1);
  CHECK(world.bench.count(&shm::CounterRow::connections_active) == 0);
}

TEST_CASE("hit memory: holds so many, the older of two goes, and nothing that is long") {
  HitMemory hits(2, 0);  // one set
  const ListenPoint here, there;
  const RepeatableHit hit;
  const auto knows = [&](std::string_view bytes) {
    return hits.find({here, false, bytes}) != nullptr;
  };
  hits.keep({here, false, "one"}, hit, "head of one");
  hits.keep({here, false, "two"}, hit, "head of two");
  REQUIRE(knows("one"));
  CHECK(hits.find({here, false, "one"})->head == "head of one");
  CHECK(hits.find({there, false, "one"}) == nullptr);
  CHECK(hits.find({here, true, "one"}) == nullptr);
  CHECK(!knows("on"));
  CHECK(!knows("one "));
  CHECK(knows("one"));  // so "two" is the older one
  hits.keep({here, false, "three"}, hit, "");
  CHECK(knows("one"));
  CHECK(!knows("two"));
  CHECK(knows("three"));
  hits.keep({here, false, "one"}, hit, "another head");
  CHECK(hits.find({here, false, "one"})->head == "another head");
  CHECK(knows("three"));
  const std::string long_one(HitMemory::bytes_max, 'x');
  hits.keep({here, false, long_one}, hit, "h");
  CHECK(!knows(long_one));
  hits.keep({here, false, std::string_view(long_one).substr(1)}, hit, "h");
  CHECK(knows(std::string_view(long_one).substr(1)));

  HitMemory none(0, 0);
  none.keep({here, false, "one"}, hit, "");
  CHECK(none.find({here, false, "one"}) == nullptr);
}

TEST_CASE("hit memory: what was remembered before the clock was set back is remembered anew") {
  HitMemory hits(2, 0);
  const ListenPoint listen;
  RepeatableHit hit;
  hit.from_ms = 1000;
  hit.until_ms = 2000;
  hits.keep({listen, false, "one"}, hit, "head");
  hit.from_ms = 400;
  hit.until_ms = 900;
  hits.keep({listen, false, "one"}, hit, "head");
  const HitMemory::Remembered* const known = hits.find({listen, false, "one"});
  REQUIRE(known != nullptr);
  CHECK(known->hit.from_ms == 400);
  CHECK(known->hit.until_ms == 900);
}
