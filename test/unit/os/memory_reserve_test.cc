#include "os/memory_reserve.h"

#include <doctest/doctest.h>

#include <new>

namespace weir {

TEST_CASE("memory reserve: given up at the first failure, refilled by its owner") {
  int used = 0;
  {
    MemoryReserve reserve(
        std::size_t{1} << 20, MemoryReserve::Empty::ends,
        [](void* counter) { ++*static_cast<int*>(counter); }, &used);
    for (int round = 1; round <= 2; ++round) {
      CHECK(reserve.whole());
      std::get_new_handler()();  // what operator new does when malloc() gives nothing
      CHECK(used == round);
      CHECK_FALSE(reserve.whole());
      CHECK(reserve.refill());
    }
  }
  CHECK((std::get_new_handler() == nullptr));
}

TEST_CASE("memory reserve: who waits comes back to try again, with or without a reserve") {
  MemoryReserve reserve(0, MemoryReserve::Empty::waits, nullptr, nullptr);
  CHECK_FALSE(reserve.whole());
  CHECK(reserve.refill());  // there is nothing to refill
  std::get_new_handler()();
  MemoryReserve::forget();
  CHECK((std::get_new_handler() == nullptr));
}

}  // namespace weir
