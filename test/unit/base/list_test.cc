#include "base/list.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace weir {
namespace {

struct ByAge {};
struct Item : ListHook<>, ListHook<ByAge> {
  explicit Item(int number) : value(number) {}
  int value;
};

std::vector<int> values(List<Item>& list) {
  std::vector<int> out;
  for (Item& item : list) out.push_back(item.value);
  return out;
}

}  // namespace

TEST_CASE("list: a member that is destroyed leaves its lists") {
  List<Item> list;
  List<Item, ByAge> ages;
  auto one = std::make_unique<Item>(1);
  Item two(2), three(3);
  list.push_back(*one);
  list.push_back(two);
  list.push_front(three);
  ages.push_back(*one);
  CHECK(values(list) == std::vector<int>{3, 1, 2});
  one.reset();
  CHECK(values(list) == std::vector<int>{3, 2});
  CHECK(ages.empty());
  list.move_to_back(three);
  CHECK(list.front().value == 2);
  CHECK(list.back().value == 3);
}

TEST_CASE("list: the loop body may destroy its member") {
  List<Item> list;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 4; ++i) {
    items.push_back(std::make_unique<Item>(i));
    list.push_back(*items.back());
  }
  int seen = 0;
  for (Item& item : list) {
    items[static_cast<std::size_t>(item.value)].reset();
    ++seen;
  }
  CHECK(seen == 4);
  CHECK(list.empty());
}

TEST_CASE("list: members outlive the list unharmed") {
  Item item(1);
  {
    List<Item> list;
    list.push_back(item);
  }
  CHECK_FALSE(static_cast<ListHook<>&>(item).is_linked());
}

}  // namespace weir
