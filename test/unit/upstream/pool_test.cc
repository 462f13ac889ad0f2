#include "upstream/pool.h"

#include <doctest/doctest.h>

#include "test/unit/support/memory_transport.h"

using namespace weir;
using namespace std::chrono_literals;
using test::MemoryTransport;

namespace {

struct Bench {
  Loop loop;
  Peer peer{0, {*Address::parse_ip("127.0.0.1", 8000), "127.0.0.1", {}, {}}, "group", "http", {}};
  Peer other{1, {*Address::parse_ip("127.0.0.1", 8001), "127.0.0.1", {}, {}}, "group", "http", {}};
  Pool pool;

  explicit Bench(PoolLimits limits = {.connections = 8, .idle = 60s}) : pool(loop, limits) {
    clock::refresh();
  }
  // A connection that has carried one request and went back; what it was.
  MemoryTransport* put(Peer& at) {
    auto transport = std::make_unique<MemoryTransport>(Side::upstream, at.address());
    MemoryTransport* raw = transport.get();
    pool.adopt(at, std::move(transport)).give_back();
    return raw;
  }
  void settle() { loop.turn(0ms); }  // destroys what was put off
};

}  // namespace

TEST_CASE("pool: the newest idle connection is taken first") {
  Bench bench;
  auto* first = bench.put(bench.peer);
  auto* second = bench.put(bench.peer);
  Lease lease = bench.pool.take(bench.peer);
  REQUIRE(lease);
  CHECK(&lease.transport() == second);
  CHECK(lease.reused());
  Lease next = bench.pool.take(bench.peer);
  REQUIRE(next);
  CHECK(&next.transport() == first);
  CHECK_FALSE(bench.pool.take(bench.peer));
  CHECK(bench.pool.idle_count() == 0);
}

TEST_CASE("pool: a connection serves only the peer it leads to") {
  Bench bench;
  bench.put(bench.peer);
  CHECK_FALSE(bench.pool.take(bench.other));
  CHECK(bench.pool.take(bench.peer));
}

TEST_CASE("pool: a fresh connection is not a reused one") {
  Bench bench;
  Lease lease = bench.pool.adopt(bench.peer, std::make_unique<MemoryTransport>());
  CHECK_FALSE(lease.reused());
  lease.give_back();
  CHECK_FALSE(lease);
  CHECK(bench.pool.take(bench.peer).reused());
}

TEST_CASE("pool: a lease that just ends closes its connection, after the turn") {
  Bench bench;
  bool destroyed = false;
  {
    auto transport = std::make_unique<MemoryTransport>();
    transport->watch_destruction(destroyed);
    Lease lease = bench.pool.adopt(bench.peer, std::move(transport));
  }
  CHECK_FALSE(destroyed);
  CHECK(bench.pool.idle_count() == 0);
  bench.settle();
  CHECK(destroyed);
}

TEST_CASE("pool: one above the limit drops the one that is idle longest, whatever its peer") {
  Bench bench({.connections = 2, .idle = 60s});
  bool destroyed = false;
  bench.put(bench.peer)->watch_destruction(destroyed);
  bench.put(bench.other);
  CHECK_FALSE(destroyed);
  bench.put(bench.other);
  bench.settle();
  CHECK(destroyed);
  CHECK(bench.pool.idle_count() == 2);
  CHECK_FALSE(bench.pool.take(bench.peer));
}

TEST_CASE("pool: keeps nothing when told to keep nothing") {
  Bench bench({.connections = 0, .idle = 60s});
  bool destroyed = false;
  CHECK_FALSE(bench.pool.keeps());
  auto transport = std::make_unique<MemoryTransport>();
  transport->watch_destruction(destroyed);
  bench.pool.adopt(bench.peer, std::move(transport)).give_back();
  bench.settle();
  CHECK(destroyed);
}

TEST_CASE("pool: what an idle connection must not see drops it at once") {
  using Happens = void (*)(MemoryTransport&);
  const Happens happenings[] = {
      [](MemoryTransport& transport) { transport.receive("HTTP/1.1 408 Timeout\r\n\r\n"); },
      [](MemoryTransport& transport) { transport.receive_end(); },
      [](MemoryTransport& transport) { transport.receive_reset(); }};
  for (const Happens happen : happenings) {
    Bench bench;
    bool destroyed = false;
    auto* transport = bench.put(bench.peer);
    transport->watch_destruction(destroyed);
    SUBCASE("told by an edge") {
      happen(*transport);
      transport->deliver();
      CHECK(bench.pool.idle_count() == 0);
    }
    SUBCASE("noticed when it is taken, before the edge was told") { happen(*transport); }
    CHECK_FALSE(bench.pool.take(bench.peer));
    bench.settle();
    CHECK(destroyed);
  }
}

TEST_CASE("pool: an edge that brings nothing (a TLS ticket, room to write) leaves it idle") {
  Bench bench;
  auto* transport = bench.put(bench.peer);
  transport->receive("");
  CHECK(transport->deliver());
  CHECK(bench.pool.idle_count() == 1);
  transport->set_room(0);
  transport->set_room(MemoryTransport::unlimited);
  transport->deliver();
  CHECK(bench.pool.idle_count() == 1);
  CHECK(bench.pool.take(bench.peer));
}

TEST_CASE("pool: a connection that is given back with bytes or an end waiting is closed") {
  Bench bench;
  auto transport = std::make_unique<MemoryTransport>();
  SUBCASE("bytes") { transport->receive("x"); }
  SUBCASE("the end") { transport->receive_end(); }
  bench.pool.adopt(bench.peer, std::move(transport)).give_back();
  CHECK(bench.pool.idle_count() == 0);
}

TEST_CASE("pool: an idle connection gives its memory back") {
  Bench bench;
  CHECK(bench.put(bench.peer)->idle_memory_released());
}

TEST_CASE("pool: a connection carries no more requests than allowed") {
  Bench bench({.connections = 8, .idle = 60s, .requests = 3});
  bench.put(bench.peer);
  for (int request = 2; request <= 3; ++request) {
    Lease lease = bench.pool.take(bench.peer);
    REQUIRE(lease);
    lease.give_back();
  }
  CHECK(bench.pool.idle_count() == 0);
}

TEST_CASE("pool: a connection is not used beyond its age") {
  Bench bench({.connections = 8, .idle = 60s, .age = 20ms});
  bench.put(bench.peer);
  const auto made = clock::now();
  while (clock::now() - made < 20ms) clock::refresh();
  CHECK_FALSE(bench.pool.take(bench.peer));
}

TEST_CASE("pool: what is idle too long is closed without being asked") {
  Bench bench({.connections = 8, .idle = 20ms});
  bool destroyed = false;
  bench.put(bench.peer)->watch_destruction(destroyed);
  while (!destroyed) bench.loop.turn(100ms);
  CHECK(bench.pool.idle_count() == 0);
}

TEST_CASE("pool: a tunnel takes its transport away") {
  Bench bench;
  auto transport = std::make_unique<MemoryTransport>();
  auto* raw = transport.get();
  Lease lease = bench.pool.adopt(bench.peer, std::move(transport));
  const std::unique_ptr<Transport> tunnel = lease.detach();
  CHECK(tunnel.get() == raw);
  CHECK_FALSE(lease);
}

TEST_CASE("pool: a draining worker drops all that is idle") {
  Bench bench;
  bench.put(bench.peer);
  bench.put(bench.other);
  bench.pool.drop_idle();
  CHECK(bench.pool.idle_count() == 0);
  CHECK_FALSE(bench.pool.take(bench.peer));
}
