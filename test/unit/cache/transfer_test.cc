// A store of another size takes over what the one before it holds.
#include "cache/transfer.h"
#include "cache/stores.h"

#include <fmt/format.h>

#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

const StoreSizes small{.bytes = 4U << 20}, large{.bytes = 16U << 20};

struct Pair {
  explicit Pair(const StoreSizes& before = small, const StoreSizes& after = large)
      : from(make_store(before, 0)), to(make_store(after, 0)) {
    to->follow(from);
    to->enter({0, 1});
  }
  void copy() {
    transfer = Transfer::into("c", to);
    REQUIRE(transfer != nullptr);
    for (int turn = 0; turn < 10'000 && transfer->copies(); ++turn) transfer->step(test_now, true);
    REQUIRE_FALSE(transfer->copies());
  }
  // What the old store's users removed meanwhile is removed here, too.
  void compare() {
    for (int turn = 0; turn < 10'000 && transfer->step(test_now, true); ++turn) {
    }
  }

  std::shared_ptr<Store> from, to;
  std::unique_ptr<Transfer> transfer;
};

std::string name(int number) { return fmt::format("key {}", number); }

}  // namespace

TEST_CASE("transfer: all that is stored comes over, as it is") {
  Pair it;
  const std::uint64_t tag = Store::tag_hash("blue");
  const std::string large_body = body_of("large", 300'000);
  REQUIRE(put(*it.from, "large", large_body, {.length_known = false}));
  REQUIRE(put(*it.from, "empty", ""));
  REQUIRE(put(*it.from, "tagged", "t", {.tags = {&tag, 1}}));
  REQUIRE(put(*it.from, "soft", "s"));
  it.from->purge(it.from->key("soft"), true);
  REQUIRE(put(*it.from, "gone", "g"));
  it.from->purge(it.from->key("gone"), false);
  {
    Nobody owner;
    Joined lead = it.from->join(it.from->key("varies"), owner);
    const Key variant = it.from->key("varies fr");
    REQUIRE(lead.fill.begin(fresh_for(1000), "f: r\r\n", 2, {}, &variant, "accept-language"));
    REQUIRE((lead.fill.append("fr") && lead.fill.commit()));
  }
  const std::uint64_t word = it.from->find(it.from->key("large")).reader.body_word();
  it.copy();
  it.compare();  // purged in the old store after this one was made
  CHECK(get(*it.to, "large") == large_body);
  CHECK(it.to->find(it.to->key("large")).reader.body_word() == word);  // so its copies are, too
  CHECK(it.to->find(it.to->key("empty")).kind == Found::Kind::answer);
  CHECK(it.to->find(it.to->key("soft")).reader.soft_purged());
  CHECK_FALSE(has(*it.to, "gone"));
  const Found mark = it.to->find(it.to->key("varies"));
  REQUIRE(mark.kind == Found::Kind::vary);
  CHECK(mark.reader.fields() == "accept-language");
  CHECK(get(*it.to, "varies fr") == "fr");
  CHECK(it.to->find(it.to->key("varies fr")).reader.fields() == "f: r\r\n");
  it.to->purge_tag(tag, false);
  CHECK_FALSE(has(*it.to, "tagged"));
  CHECK(it.to->stats().stored == 0);  // nothing of it came from an origin
  demand_sound(*it.from);
  demand_sound(*it.to);
  CHECK_FALSE(it.transfer->is_over());
  it.transfer->step(test_now, false);
  CHECK(it.transfer->is_over());
}

TEST_CASE("transfer: what the new store has, or is fetching, is newer") {
  Pair it;
  for (const char* key : {"stored", "fetched", "left"}) REQUIRE(put(*it.from, key, "old"));
  REQUIRE(put(*it.to, "stored", "new"));
  Nobody owner;
  Joined lead = it.to->join(it.to->key("fetched"), owner);
  it.copy();
  CHECK(get(*it.to, "stored") == "new");
  CHECK_FALSE(has(*it.to, "fetched"));
  REQUIRE(fill_with(std::move(lead.fill), "new"));
  CHECK(get(*it.to, "fetched") == "new");
  CHECK(get(*it.to, "left") == "old");
}

TEST_CASE("transfer: purges of the new store count for what has not come yet") {
  Pair it;
  const std::uint64_t tag = Store::tag_hash("blue");
  for (const char* key : {"purged", "removed", "soft", "dir/a", "dir/b", "stays"})
    REQUIRE(put(*it.from, key, "b"));
  REQUIRE(put(*it.from, "tagged", "t", {.tags = {&tag, 1}}));
  it.to->purge(it.to->key("purged"), false);
  it.to->remove(it.to->key("removed"));  // RFC 9111 4.4: a POST went by
  it.to->purge(it.to->key("soft"), true);
  it.to->purge_prefix("dir/", false);
  it.to->purge_tag(tag, false);
  keep_all_house(*it.to);  // a round over what is there drops no rule
  it.copy();
  for (const char* key : {"purged", "removed", "dir/a", "dir/b", "tagged"}) {
    CAPTURE(key);
    CHECK_FALSE(has(*it.to, key));
  }
  CHECK(it.to->find(it.to->key("soft")).reader.soft_purged());
  CHECK(get(*it.to, "stays") == "b");
  CHECK_FALSE(it.to->find(it.to->key("stays")).reader.soft_purged());
  demand_sound(*it.to);
}

TEST_CASE("transfer: a purge of everything leaves nothing to come") {
  Pair it;
  REQUIRE(put(*it.from, "a", "a"));
  it.to->purge_all(false);
  it.copy();
  CHECK_FALSE(has(*it.to, "a"));
}

TEST_CASE("transfer: what an earlier generation removes goes here, too") {
  Pair it;
  const auto earlier = second_view(*it.from, 100);
  const std::uint64_t tag = Store::tag_hash("blue");
  for (int i = 0; i < 50; ++i) REQUIRE(put(*it.from, name(i), "b"));
  REQUIRE(put(*it.from, "tagged", "t", {.tags = {&tag, 1}}));
  it.copy();
  REQUIRE(has(*it.to, name(7)));
  earlier->remove(earlier->key(name(7)));
  earlier->purge(earlier->key(name(8)), true);
  earlier->remove(earlier->key(name(9)));
  REQUIRE(put(*earlier, name(9), "anew"));
  earlier->purge_tag(tag, false);
  // From that moment on, and until the housekeeper has compared.
  for (const std::string& key : {name(7), name(8), name(9), name(10), std::string("tagged")}) {
    CAPTURE(key);
    CHECK_FALSE(has(*it.to, key));
  }
  it.compare();
  for (const std::string& key : {name(7), name(8), name(9), std::string("tagged")}) {
    CAPTURE(key);
    CHECK_FALSE(has(*it.to, key));
  }
  for (int i = 10; i < 50; ++i) CHECK(get(*it.to, name(i)) == "b");
  REQUIRE(put(*it.to, name(11), "of the new one"));
  earlier->purge_all(false);
  it.compare();
  CHECK_FALSE(has(*it.to, name(12)));
  CHECK(get(*it.to, name(11)) == "of the new one");  // that store has its own purges
}

TEST_CASE(
    "transfer: who can't see the old store trusts what came when nobody serves there any more") {
  Pair it;
  REQUIRE(put(*it.from, "a", "a"));
  it.copy();
  const auto late = second_view(*it.to, 100);  // begun when the old store was gone in the master
  CHECK(get(*it.to, "a") == "a");
  CHECK_FALSE(has(*late, "a"));
  it.transfer->step(test_now, false);
  CHECK(get(*late, "a") == "a");
}

TEST_CASE("transfer: a housekeeper that comes too late leaves nothing of what can't be compared") {
  Pair it;
  REQUIRE(put(*it.from, "a", "a"));
  it.copy();
  REQUIRE(put(*it.to, "b", "b"));
  const std::shared_ptr<Store> late = second_view(*it.to, 100);
  CHECK(Transfer::into("c", late) == nullptr);
  CHECK_FALSE(has(*late, "a"));
  CHECK(get(*late, "b") == "b");
  CHECK_FALSE(has(*it.to, "a"));
}

TEST_CASE("transfer: a housekeeper goes on where one died") {
  Pair it;
  for (int i = 0; i < 2000; ++i) REQUIRE(put(*it.from, name(i), "b"));
  auto first = Transfer::into("c", it.to);
  first->step(test_now, true);
  first.reset();
  it.from->remove(it.from->key(name(1)));
  it.copy();
  it.compare();
  CHECK_FALSE(has(*it.to, name(1)));
  for (int i = 2; i < 2000; ++i) {
    if (get(*it.to, name(i)) != "b") FAIL(name(i));
  }
  demand_sound(*it.to);
}

TEST_CASE("transfer: into a smaller store what was found again comes first") {
  for (const Eviction eviction : {Eviction::s3fifo, Eviction::lru}) {
    CAPTURE(eviction == Eviction::lru);
    Pair it({.bytes = 16U << 20, .eviction = eviction}, {.bytes = 4U << 20, .eviction = eviction});
    const std::string body = body_of("b", 20'000);
    constexpr int all = 600, hot = 60;
    for (int i = 0; i < all; ++i) REQUIRE(put(*it.from, name(i), body));
    for (int i = all - hot; i < all; ++i) REQUIRE(get(*it.from, name(i)) == body);
    it.copy();
    int came = 0, came_hot = 0;
    for (int i = 0; i < all; ++i) {
      const bool is_there = has(*it.to, name(i));
      came += is_there ? 1 : 0;
      came_hot += is_there && i >= all - hot ? 1 : 0;
    }
    CHECK(came > 100);
    CHECK(came < all);
    CHECK(came_hot >= hot - 2);  // that it is full is seen by who had to leave
    demand_sound(*it.to);
  }
}

TEST_CASE("stores: another size begins with what the newest of that name holds") {
  Stores stores;
  auto first = stores.get("c", small);
  REQUIRE(first);
  REQUIRE(*stores.get("c", small) == *first);
  auto second = stores.get("c", large);
  REQUIRE(second);
  CHECK(*second != *first);
  auto again = stores.get("c", small);
  REQUIRE(again);
  CHECK(*again != *first);  // that one was not told of purges meanwhile
  stores.enter({0, 1});
  REQUIRE(put(**first, "a", "a"));
  REQUIRE(put(**second, "b", "b"));
  stores.begin_transfers();
  for (int turn = 0; turn < 1000 && stores.keep_house(test_now, true); ++turn) {
  }
  CHECK(get(**again, "a") == "a");  // by way of the second
  CHECK(get(**again, "b") == "b");
  CHECK(stores.all().size() == 3);
  (*first)->remove((*first)->key("b"));  // there somebody serves still
  CHECK_FALSE(has(**again, "a"));
  for (int turn = 0; turn < 1000 && stores.keep_house(test_now, true); ++turn) {
  }
  CHECK(get(**again, "a") == "a");
  for (int turn = 0; turn < 10; ++turn) stores.keep_house(test_now, false);
  CHECK(stores.all().size() == 1);  // the others are nobody's any more
  CHECK_FALSE(stores.transfers());
}

}  // namespace weir::cache
