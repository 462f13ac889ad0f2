#include "shm/sessions.h"

#include <doctest/doctest.h>

#include <random>
#include <thread>
#include <vector>

#include "shm/check.h"
#include "shm/zones.h"

using namespace weir;
using namespace weir::shm;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Zones> make_zones(std::uint32_t sessions = 64) {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min, .peers = 16, .sessions = sessions});
  REQUIRE(zones);
  return std::move(*zones);
}

}  // namespace

TEST_CASE("sessions: what was remembered is found, and only that") {
  const auto zones = make_zones();
  CHECK_FALSE(zones->sessions.find(1, 0, 1h));
  zones->sessions.remember(1, {7, 1234}, 0);
  const auto found = zones->sessions.find(1, 0, 1h);
  REQUIRE(found);
  CHECK(found->cell == 7);
  CHECK(found->is(1234));
  CHECK_FALSE(found->is(1235));
  CHECK_FALSE(zones->sessions.find(2, 0, 1h));
  zones->sessions.remember(1, {0, 55}, 0);  // it moved
  CHECK(zones->sessions.find(1, 0, 1h)->cell == 0);
}

TEST_CASE("sessions: one that is not asked for is forgotten, one that is stays") {
  const auto zones = make_zones();
  zones->sessions.remember(1, {3, 3}, 1000);
  zones->sessions.remember(2, {3, 3}, 1000);
  for (std::int64_t now = 1000; now < 10'000; now += 1000) {
    CHECK(zones->sessions.find(1, now, 1100s));
  }
  CHECK_FALSE(zones->sessions.find(2, 9000, 1100s));
}

TEST_CASE("sessions: where all is full the longest unused one gives way") {
  const auto zones = make_zones(4);  // one set
  for (std::uint64_t key = 1; key <= 4; ++key) {
    zones->sessions.remember(key, {1, 1}, static_cast<std::int64_t>(key) * 100);
  }
  CHECK(zones->sessions.find(1, 1000, 1h));  // asked for: now 2 is the oldest
  zones->sessions.remember(5, {2, 2}, 1000);
  CHECK_FALSE(zones->sessions.find(2, 1000, 1h));
  for (const std::uint64_t key : {1U, 3U, 4U, 5U}) CHECK(zones->sessions.find(key, 1000, 1h));
}

TEST_CASE("sessions: the room is what was asked for, a power of two") {
  CHECK(make_zones(1)->sessions.capacity() == 4);
  CHECK(make_zones(65)->sessions.capacity() == 128);
}

TEST_CASE("sessions: many that write at once leave entries that were written, whole") {
  const auto zones = make_zones(64);
  std::vector<std::thread> threads;
  for (std::uint32_t number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937_64 random(number);
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t key = random() % 500 * 0x9e3779b97f4a7c15U;
        const auto owner = static_cast<std::uint32_t>(key % 16);
        if (const auto found = zones->sessions.find(key, i / 100, 1h)) {
          if (found->cell != owner || !found->is(owner)) std::abort();
        }
        zones->sessions.remember(key, {owner, owner}, i / 100);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  bool ok = false;
  report(check(*zones, 1), ok);
  CHECK(ok);
}

TEST_CASE("sessions: the checker sees an entry of a peer that can't be") {
  const auto zones = make_zones();
  zones->sessions.remember(1, {16, 1}, 1);  // there are 16: the last one is 15
  bool ok = true;
  const std::string text = report(check(*zones, 1), ok);
  CHECK_FALSE(ok);
  CHECK(text.find("sessions: 1 violation") != text.npos);
}
