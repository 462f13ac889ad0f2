#include "event/wheel.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace weir;

namespace {
struct Item : Wheel::Entry {
  Wheel::Tick wanted = Wheel::never;
  int fired = 0;
};
}  // namespace

TEST_CASE("wheel: an entry fires at its deadline, from every distance and starting point") {
  for (const Wheel::Tick start : {0ULL, 1ULL, 255ULL, 256ULL, 16'383ULL, 16'384ULL, 999'999ULL}) {
    for (const Wheel::Tick distance :
         {1ULL, 2ULL, 63ULL, 64ULL, 65ULL, 255ULL, 256ULL, 257ULL, 511ULL, 16'383ULL, 16'384ULL,
          16'385ULL, 65'536ULL, 1'032'192ULL, 1'048'576ULL, 5'000'000ULL}) {
      CAPTURE(start);
      CAPTURE(distance);
      Wheel wheel(start);
      Item item;
      wheel.arm(item, start + distance);
      wheel.advance(start + distance - 1, [&](Wheel::Entry&) { ++item.fired; });
      CHECK(item.fired == 0);
      CHECK(item.armed());
      wheel.advance(start + distance, [&](Wheel::Entry&) { ++item.fired; });
      CHECK(item.fired == 1);
      CHECK_FALSE(item.armed());
      CHECK_FALSE(wheel.next());
    }
  }
}

TEST_CASE("wheel: next() is never later than the first deadline, and stepping to it gets there") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    Wheel wheel(random() % 100'000);
    const Wheel::Tick deadline = wheel.now() + 1 + random() % (1ULL << (random() % 24));
    Item item;
    wheel.arm(item, deadline);
    int steps = 0;
    while (item.armed()) {
      const auto at = wheel.next();
      REQUIRE(at);
      REQUIRE(*at <= deadline);
      REQUIRE(*at > wheel.now());
      wheel.advance(*at, [&](Wheel::Entry&) { CHECK(wheel.now() == deadline); });
      REQUIRE(++steps < 80);
    }
  }
}

TEST_CASE("wheel: random arming, re-arming, cancelling and destroying against a plain model") {
  std::mt19937_64 random(42);
  Wheel wheel(random() % 1000);
  std::vector<std::unique_ptr<Item>> items(200);
  for (auto& item : items) item = std::make_unique<Item>();
  const auto span = [&] { return random() % (1ULL << (1 + random() % 20)); };
  std::size_t fired = 0;
  for (int step = 0; step < 20'000; ++step) {
    auto& item = items[random() % items.size()];
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        item->wanted = wheel.now() + span();
        wheel.arm(*item, item->wanted);
        item->wanted = std::max(item->wanted, wheel.now() + 1);
        break;
      case 4:
        wheel.cancel(*item);
        item->wanted = Wheel::never;
        break;
      case 5: item = std::make_unique<Item>(); break;
      default: {
        const Wheel::Tick to = wheel.now() + span() / 64;
        wheel.advance(to, [&](Wheel::Entry& entry) {
          auto& due = static_cast<Item&>(entry);
          ++fired;
          REQUIRE(due.wanted == wheel.now());  // neither early nor late, nor cancelled
          due.wanted = Wheel::never;
          if (random() % 4 == 0) {
            due.wanted = wheel.now() + 1 + span();
            wheel.arm(due, due.wanted);
          }
          Item& other = *items[random() % items.size()];
          if (&other != &due && random() % 4 == 0) {
            wheel.cancel(other);
            other.wanted = Wheel::never;
          }
        });
        for (const auto& each : items) REQUIRE((each->wanted > wheel.now()));
      }
    }
  }
  CHECK(fired > 1000);
}

TEST_CASE("wheel: an entry may destroy itself and others that are due with it") {
  Wheel wheel;
  auto first = std::make_unique<Item>(), second = std::make_unique<Item>();
  wheel.arm(*first, 5);
  wheel.arm(*second, 5);
  int calls = 0;
  wheel.advance(10, [&](Wheel::Entry&) {
    ++calls;
    first.reset();
    second.reset();
  });
  CHECK(calls == 1);
}

TEST_CASE("wheel: what is armed while firing waits for the next tick, so that firing ends") {
  Wheel wheel;
  Item item;
  int calls = 0;
  wheel.arm(item, 1);
  wheel.advance(10, [&](Wheel::Entry& entry) {
    ++calls;
    wheel.arm(entry, 0);
  });
  CHECK(calls == 10);
}
