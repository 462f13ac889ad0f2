#include "base/arena.h"

#include <doctest/doctest.h>

#include <string>

using namespace weir;

TEST_CASE("arena: keeps its first chunk, refuses beyond its bound and says so") {
  Arena arena(64, 256);
  const std::string text(60, 'x');
  const char* const first = arena.copy(text).data();
  CHECK(arena.join({"ab", "", "cd"}) == "abcd");
  CHECK(arena.copy(text) == text);
  CHECK(arena.reserved() == 128);
  CHECK(arena.allocate(200) == nullptr);
  CHECK(arena.exhausted());
  CHECK(arena.copy("x").empty());
  arena.reset();
  CHECK_FALSE(arena.exhausted());
  CHECK(arena.reserved() == 64);
  CHECK(arena.copy(text).data() == first);
  char* const room = arena.allocate(4);
  arena.give_back(4);
  CHECK(arena.allocate(4) == room);
  arena.release();
  CHECK(arena.reserved() == 0);
  CHECK(arena.copy(text) == text);
}

TEST_CASE("arena: what is more than a first chunk counts against the budget, and is given back") {
  Budget budget(100);
  Arena arena(64, 256, &budget);
  Arena other(64, 256, &budget);
  CHECK(arena.allocate(64) != nullptr);
  CHECK(budget.bytes_used() == 0);
  CHECK(arena.allocate(10) != nullptr);
  CHECK(budget.bytes_used() == 64);
  CHECK(other.allocate(101) == nullptr);  // 37 beyond the first chunk, and 36 are left
  CHECK(other.exhausted());
  CHECK(other.starved());
  other.reset();
  CHECK_FALSE(other.starved());
  CHECK(other.allocate(100) != nullptr);
  CHECK(budget.bytes_used() == 100);
  other.reset();
  CHECK(other.reserved() == 0);  // a large first chunk is not kept
  arena.reset();
  CHECK(arena.reserved() == 64);
  CHECK(budget.bytes_used() == 0);
  {
    Arena third(64, 256, &budget);
    CHECK(third.allocate(120) != nullptr);
  }
  CHECK(budget.bytes_used() == 0);
}
