// Memory of the store: segments, pins, the cleaner; and what a hit costs in allocations: none.
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "test/unit/cache/store_support.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Counted for the whole program of the unit tests, which is otherwise none the wiser.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace weir::cache {

TEST_CASE("memory: a hit allocates nothing once it is warm") {
  const auto store = make_store({.bytes = 64U << 20});
  for (const std::size_t bytes : {100U, 1'000'000U}) {
    REQUIRE(put(*store, "k", body_of("k", bytes)));
    const Key key = store->key("k");
    std::size_t read = 0;
    const auto hit = [&] {
      Found found = store->find(key);
      for (std::size_t at = 0;;) {
        const std::string_view part = found.reader.read(at);
        if (part.empty()) break;
        at += part.size();
        read += part.size();
      }
    };
    hit();
    const std::uint64_t before = allocations;
    for (int i = 0; i < 100; ++i) hit();
    CHECK(allocations == before);
    CHECK(read == 101 * bytes);
  }
}

TEST_CASE("memory: what is being read is not reused, whatever is stored meanwhile") {
  const auto store = make_store({.bytes = 4U << 20});
  std::vector<std::pair<std::string, Found>> reading;
  for (int i = 0; i < 5; ++i) {
    const std::string body = body_of(fmt::format("read {}", i), 10'000 + i * 20'000U);
    REQUIRE(put(*store, "r", body));
    reading.emplace_back(body, store->find(store->key("r")));
  }
  for (int i = 0; i < 3000; ++i) put(*store, fmt::format("{}", i), body_of("other", 9000));
  CHECK(store->stats().evicted > 1000);
  for (auto& [body, found] : reading) {
    CHECK(read_all(found.reader) == body);
    CHECK_FALSE(found.reader.damaged());
  }
  CHECK(store->stats().segments_pinned > 0);
  reading.clear();
  CHECK(store->stats().segments_pinned == 0);
  demand_sound(*store);
}

TEST_CASE("memory: readers that keep all of it make answers pass, not wait; then it goes on") {
  const auto store = make_store({.bytes = 2U << 20});
  std::vector<Found> reading;
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string key = fmt::format("{}", i);
    if (put(*store, key, body_of(key, 10'000))) {
      reading.push_back(store->find(store->key(key)));
    } else {
      ++refused;
    }
  }
  CHECK(refused > 100);
  CHECK(store->stats().no_room >= 100);
  for (Found& found : reading) {
    if (found.kind == Found::Kind::answer) CHECK_FALSE(read_all(found.reader).empty());
  }
  reading.clear();
  keep_all_house(*store);
  int stored = 0;
  for (int i = 0; i < 500; ++i) stored += put(*store, fmt::format("{}", i), body_of("x", 10'000));
  CHECK(stored == 500);
  demand_sound(*store);
}

TEST_CASE("memory: the cleaner moves what lives, of any size, and it is found as it was") {
  const auto store = make_store({.bytes = 16U << 20});
  std::mt19937 random(3);
  const auto body = [](int i) { return body_of(fmt::format("stays {}", i), 50 + i * 7001U); };
  for (int i = 0; i < 40; ++i) {
    REQUIRE(put(*store, fmt::format("stays {}", i), body(i), {.length_known = i % 2 == 0}));
    for (int j = 0; j < 20; ++j) {
      put(*store, fmt::format("goes {}", j), body_of("goes", random() % 20'000));
    }
  }
  for (int i = 0; i < 40; ++i) {
    Found found = store->find(store->key(fmt::format("stays {}", i)));
    if (i % 3 == 0)
      store->freshen(store->key(fmt::format("stays {}", i)), found.reader, fresh_for(9), "f");
  }
  Found old = store->find(store->key("stays 39"));
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 40; ++i) has(*store, fmt::format("stays {}", i));  // hot
    for (int j = 0; j < 100; ++j) {
      put(*store, fmt::format("goes {} {}", round, j), body_of("goes", random() % 20'000));
    }
    keep_all_house(*store);
  }
  CHECK(store->stats().moved_bytes > 1'000'000);
  for (int i = 0; i < 40; ++i) CHECK(get(*store, fmt::format("stays {}", i)) == body(i));
  CHECK(read_all(old.reader) == body(39));
  demand_sound(*store);
}

TEST_CASE("memory: the housekeeper drops what is expired beyond use, not what may be validated") {
  const auto store = make_store({.bytes = 4U << 20});
  Facts stale = fresh_for(1000), validator = stale, while_error = stale;
  validator.flags = fact::has_validator;
  while_error.stale_if_error = 1'000'000;
  REQUIRE(put(*store, "fresh", "x"));
  REQUIRE(put(*store, "stale", "x", {.facts = stale}));
  REQUIRE(put(*store, "validator", "x", {.facts = validator}));
  REQUIRE(put(*store, "error", "x", {.facts = while_error}));
  for (int i = 0; i < 100; ++i) store->keep_house(test_now + 999);
  CHECK(store->stats().entries == 4);
  for (int i = 0; i < 100; ++i) store->keep_house(test_now + 2000);
  CHECK(store->stats().expired == 1);
  CHECK_FALSE(has(*store, "stale"));
  for (int i = 0; i < 100; ++i) store->keep_house(test_now + 2'000'000);
  CHECK(store->stats().expired == 2);
  CHECK_FALSE(has(*store, "error"));
  CHECK(has(*store, "validator"));
  demand_sound(*store);
}

}  // namespace weir::cache
