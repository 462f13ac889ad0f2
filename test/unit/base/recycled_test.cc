#include "base/recycled.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace weir;

namespace {

struct Thing : Recycled<Thing, 2> {
  explicit Thing(int with) : value(with) {}
  virtual ~Thing() = default;
  int value;
};
struct Larger final : Thing {
  Larger() : Thing(7) {}
  int more[100] = {};
};

}  // namespace

TEST_CASE("recycled: objects are what they are made of, however often their memory was used") {
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Thing>> things;
    for (int i = 0; i < 10; ++i) things.push_back(std::make_unique<Thing>(i));
    for (int i = 0; i < 10; ++i) CHECK(things[static_cast<std::size_t>(i)]->value == i);
  }
}

TEST_CASE("recycled: a derived class goes to the allocator") {
  const std::unique_ptr<Thing> larger = std::make_unique<Larger>();
  CHECK(larger->value == 7);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("recycled: the memory of the last one destroyed is taken first") {
  auto thing = std::make_unique<Thing>(1);
  const void* const place = thing.get();
  thing.reset();
  thing = std::make_unique<Thing>(2);
  CHECK(thing.get() == place);
}
#endif
