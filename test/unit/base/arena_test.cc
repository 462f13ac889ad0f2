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
