#include "cache/eviction.h"

#include <fmt/format.h>

#include <vector>

#include "test/unit/cache/simulators.h"
#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t keys = 20'000;
constexpr int asked = 100'000;

bool ask(Store& store, std::uint64_t number) {
  const std::string key = fmt::format("{}", number);
  if (has(store, key)) return true;
  REQUIRE(put(store, key, "x"));
  return false;
}

// How much better the store does than the exact policy, in points of the hit ratio.
template <class Exact>
double difference(Eviction eviction, std::uint32_t places, double once) {
  const auto store = make_store({.bytes = 8U << 20, .entries_max = places, .eviction = eviction});
  Exact exact(places);
  Trace trace(keys, 0.9, once, 7);
  int hits = 0, exact_hits = 0;
  for (int i = 0; i < asked; ++i) {
    const std::uint64_t key = trace.next();
    const bool counts = i >= asked / 4;  // warm
    if (ask(*store, key)) hits += counts;
    if (exact.ask(key)) exact_hits += counts;
  }
  demand_sound(*store);
  const double of = asked * 0.75 / 100;
  MESSAGE(places, " places, ", once * 100, " % asked for once: ", hits / of, " %, exact ",
          exact_hits / of, " %");
  return (hits - exact_hits) / of;
}

}  // namespace

TEST_CASE("eviction: lru hits as often as an exact one, to a point") {
  for (const std::uint32_t places : {200U, 2000U}) {
    for (const double once : {0.0, 0.3}) {
      CHECK(std::abs(difference<ExactLru>(Eviction::lru, places, once)) < 1);
    }
  }
}

TEST_CASE("eviction: s3fifo hits as often as an exact one, to two points") {
  for (const std::uint32_t places : {200U, 2000U}) {
    for (const double once : {0.0, 0.3}) {
      CHECK(std::abs(difference<ExactS3Fifo>(Eviction::s3fifo, places, once)) < 2);
    }
  }
}

TEST_CASE("eviction: the same holds where memory is the limit") {
  Trace trace(keys, 0.9, 0.3, 7);
  std::vector<std::uint64_t> asked_for;
  asked_for.reserve(asked);
  for (int i = 0; i < asked; ++i) asked_for.push_back(trace.next());
  const std::string body(8000, 'x');  // of which a segment holds a few
  for (const Eviction eviction : {Eviction::s3fifo, Eviction::lru}) {
    const auto store = make_store({.bytes = 16U << 20, .eviction = eviction});
    int hits = 0, exact_hits = 0;
    for (int i = 0; i < asked; ++i) {
      const std::string text = fmt::format("{}", asked_for[static_cast<std::size_t>(i)]);
      const bool hit = has(*store, text);
      if (!hit) REQUIRE(put(*store, text, body));
      hits += hit && i >= asked / 4;
    }
    demand_sound(*store);
    const std::uint64_t places = store->stats().entries;
    ExactS3Fifo s3fifo(places);
    ExactLru lru(places);
    for (int i = 0; i < asked; ++i) {
      const bool hit = eviction == Eviction::lru
                           ? lru.ask(asked_for[static_cast<std::size_t>(i)])
                           : s3fifo.ask(asked_for[static_cast<std::size_t>(i)]);
      exact_hits += hit && i >= asked / 4;
    }
    const double of = asked * 0.75 / 100;
    MESSAGE("memory for ", places, ": ", hits / of, " %, exact ", exact_hits / of, " %, moved ",
            store->stats().moved_bytes >> 20, " MiB");
    CHECK(std::abs(hits - exact_hits) / of < (eviction == Eviction::lru ? 1 : 2));
    CHECK(store->stats().no_room == 0);
  }
}

}  // namespace weir::cache
