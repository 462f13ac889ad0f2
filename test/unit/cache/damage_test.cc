// What is damaged in a zone is noticed: it makes misses, never wrong bodies and never a crash.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <vector>

#include "cache/layout.h"
#include "cache/lock.h"
#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

constexpr int keys = 300;

std::string key_number(int i) { return fmt::format("key {}", i); }
const std::string& body_number(int i) {
  static const std::vector<std::string> bodies = [] {
    std::vector<std::string> all;
    for (int number = 0; number < keys; ++number) {
      const auto n = static_cast<std::size_t>(number);
      all.push_back(
          body_of(key_number(number), n % 10 == 0 ? 70'000 + n * 31 : 200 + n * 37 % 3000));
    }
    return all;
  }();
  return bodies[static_cast<std::size_t>(i)];
}

// The zone as its layout says it is.
Memory memory_of(const Store& store) { return {Geometry::of(store.sizes()), store.zone()}; }

void put_numbers(Store& store) {
  for (int i = 0; i < keys; ++i) {
    put(store, key_number(i), body_number(i), {.length_known = i % 3 != 0});
  }
}

struct Seen {
  int right = 0, missing = 0, cut = 0, wrong = 0;
};

Seen look_at_all(Store& store) {
  Seen seen;
  for (int i = 0; i < keys; ++i) {
    Found found = store.find(store.key(key_number(i)));
    if (found.kind != Found::Kind::answer) {
      ++seen.missing;
      continue;
    }
    const std::string body = read_all(found.reader);
    const std::string& should = body_number(i);
    if (found.reader.damaged()) {
      seen.wrong += !should.starts_with(body);
      ++seen.cut;
    } else {
      (body == should && found.reader.length() == should.size() &&
               found.reader.fields() == "content-type: text/plain\r\n" &&
               found.reader.facts().status == 200
           ? seen.right
           : seen.wrong) += 1;
    }
  }
  return seen;
}

void flip(std::byte* from, std::size_t bytes, std::mt19937_64& random) {
  from[random() % bytes] ^= std::byte{static_cast<unsigned char>(1U << random() % 8)};
}

}  // namespace

TEST_CASE("damage: a bit that flips in the data makes a miss or ends a body, never another one") {
  std::mt19937_64 random(1);
  const auto store = make_store({.bytes = 8U << 20});
  const Memory memory = memory_of(*store);
  put_numbers(*store);
  REQUIRE(look_at_all(*store).right == keys);
  Seen sum;
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t written = 3U << 20;
    for (int i = 0; i < 40; ++i) flip(memory.data, written, random);
    const Seen seen = look_at_all(*store);
    sum.missing += seen.missing;
    sum.cut += seen.cut;
    CHECK(seen.wrong == 0);
    keep_all_house(*store);
    put_numbers(*store);
  }
  CHECK(sum.missing > 10);
  CHECK(sum.cut > 10);
  CHECK(store->stats().damaged > 10);
}

TEST_CASE("damage: a bit that flips in the index makes misses, and is repaired") {
  for (const Eviction eviction : {Eviction::s3fifo, Eviction::lru}) {
    std::mt19937_64 random(2);
    const auto store = make_store({.bytes = 3U << 20, .entries_max = 280, .eviction = eviction});
    const Memory memory = memory_of(*store);
    const Geometry& geometry = memory.geometry;
    put_numbers(*store);
    Seen sum;
    unsigned repairs = 0;
    for (int round = 0; round < 300; ++round) {
      for (int i = 0; i < 3; ++i) {
        switch (random() % 4) {
          case 0:
            flip(reinterpret_cast<std::byte*>(&memory.derived()), sizeof(Derived), random);
            break;
          case 1:
            flip(reinterpret_cast<std::byte*>(memory.states), geometry.segments * 8, random);
            break;
          case 2:
            flip(reinterpret_cast<std::byte*>(memory.books), geometry.segments * sizeof(Book),
                 random);
            break;
          case 3:
            flip(reinterpret_cast<std::byte*>(memory.buckets), geometry.buckets * sizeof(Bucket),
                 random);
            break;
        }
      }
      const Seen seen = look_at_all(*store);
      CHECK(seen.wrong == 0);
      sum.missing += seen.missing;
      put_numbers(*store);
      repairs += memory.has_damage();
      keep_all_house(*store);
      if (round % 20 == 0) memory.found_damage();  // what nobody met
    }
    memory.found_damage();
    keep_all_house(*store);
    demand_sound(*store);
    CHECK(repairs > 10);
    CHECK(sum.missing > 10);
    put_numbers(*store);
    CHECK(look_at_all(*store).right > keys / 3);
  }
}

TEST_CASE("damage: what is derived is made anew from what is not; hits go on before that") {
  for (const Eviction eviction : {Eviction::s3fifo, Eviction::lru}) {
    const auto store = make_store({.bytes = 16U << 20, .eviction = eviction});
    const Memory memory = memory_of(*store);
    put_numbers(*store);
    const StoreStats before = store->stats();
    std::memset(static_cast<void*>(&memory.derived()), 0x5a, sizeof(Derived));
    for (std::uint32_t i = 0; i < memory.geometry.segments; ++i) memory.books[i].live = 12345;
    memory.found_damage();
    CHECK(look_at_all(*store).right == keys);
    CHECK_FALSE(put(*store, "new", "x"));  // nothing changes meanwhile
    Nobody owner;
    const Joined joined = store->join(store->key("other"), owner);
    CHECK_FALSE(joined.fill);
    CHECK(store->keep_house(test_now));
    CHECK(look_at_all(*store).right == keys);
    CHECK(store->stats().entries == before.entries);
    CHECK(store->stats().bytes_used == before.bytes_used);
    demand_sound(*store);
    CHECK(put(*store, "new", "x"));
  }
}

TEST_CASE("damage: a removal while there is no lock to be had is not found again, nor after") {
  const auto store = make_store({.bytes = 4U << 20});
  const Memory memory = memory_of(*store);
  REQUIRE(put(*store, "a", "a"));
  REQUIRE(put(*store, "b", "b"));
  memory.found_damage();
  CHECK(store->remove(store->key("a")));
  CHECK_FALSE(has(*store, "a"));
  keep_all_house(*store);
  CHECK_FALSE(has(*store, "a"));
  CHECK(get(*store, "b") == "b");
  demand_sound(*store);
}

TEST_CASE("damage: who dies with the lock leaves a zone that is repaired, not one that waits") {
  const auto store = make_store({.bytes = 8U << 20});
  const Memory memory = memory_of(*store);
  put_numbers(*store);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Lock lock(memory);
    ::_exit(lock ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK(look_at_all(*store).right == keys);
  CHECK_FALSE(put(*store, "new", "x"));
  CHECK(memory.has_damage());
  keep_all_house(*store);
  CHECK_FALSE(memory.has_damage());
  CHECK(put(*store, "new", "x"));
  CHECK(look_at_all(*store).right == keys);
  demand_sound(*store);
}

TEST_CASE("damage: a lock that another holds is a miss, and counted") {
  const auto store = make_store({.bytes = 4U << 20});
  const Memory memory = memory_of(*store);
  REQUIRE(put(*store, "a", "a"));
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Lock lock(memory);
    [[maybe_unused]] const auto said = ::write(ready[1], "x", 1);
    ::pause();  // holds it until it is killed
  }
  char said = 0;
  REQUIRE(::read(ready[0], &said, 1) == 1);
  CHECK(get(*store, "a") == "a");
  Nobody owner;
  const Joined joined = store->join(store->key("b"), owner);
  CHECK_FALSE(joined.fill);
  CHECK_FALSE(joined.follower);
  CHECK(store->remove(store->key("a")));
  CHECK_FALSE(has(*store, "a"));
  CHECK(store->stats().lock_timeouts >= 2);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK_FALSE(put(*store, "b", "b"));
  keep_all_house(*store);
  CHECK(put(*store, "b", "b"));
  CHECK_FALSE(has(*store, "a"));
  demand_sound(*store);
}

}  // namespace weir::cache
