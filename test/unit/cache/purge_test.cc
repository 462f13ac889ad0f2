#include "cache/purge.h"

#include <fmt/format.h>

#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

const StoreSizes sizes{.bytes = 8U << 20};

bool is_soft(Store& store, std::string_view key) {
  const Found found = store.find(store.key(key));
  return found.kind == Found::Kind::answer && found.reader.soft_purged();
}

void put_tagged(Store& store, std::string_view key, std::initializer_list<std::string_view> names) {
  std::vector<std::uint64_t> tags;
  for (const std::string_view name : names) tags.push_back(Store::tag_hash(name));
  REQUIRE(put(store, key, key, {.tags = tags}));
}

}  // namespace

TEST_CASE("purge: a key, hard and soft") {
  const auto store = make_store(sizes);
  for (const std::string_view key : {"a", "b", "c"}) REQUIRE(put(*store, key, key));
  CHECK(store->purge(store->key("a"), false));
  CHECK(store->purge(store->key("b"), true));
  CHECK_FALSE(store->purge(store->key("x"), false));
  CHECK_FALSE(store->purge(store->key("x"), true));
  CHECK_FALSE(has(*store, "a"));
  CHECK(is_soft(*store, "b"));
  CHECK_FALSE(is_soft(*store, "c"));
  REQUIRE(put(*store, "b", "anew"));
  CHECK_FALSE(is_soft(*store, "b"));
  demand_sound(*store);
}

TEST_CASE("purge: a soft one ends when the answer is freshened") {
  const auto store = make_store(sizes);
  REQUIRE(put(*store, "a", "a"));
  for (const bool all : {true, false}) {
    all ? store->purge_all(true) : void(store->purge(store->key("a"), true));
    Found found = store->find(store->key("a"));
    REQUIRE(found.reader.soft_purged());
    REQUIRE(store->freshen(store->key("a"), found.reader, fresh_for(1000), "x"));
    CHECK_FALSE(is_soft(*store, "a"));
    CHECK(found.reader.soft_purged());  // the old one still is
  }
}

TEST_CASE("purge: everything, hard and soft; what comes later stays") {
  const auto store = make_store(sizes);
  REQUIRE(put(*store, "a", "a"));
  store->purge_all(true);
  CHECK(is_soft(*store, "a"));
  REQUIRE(put(*store, "b", "b"));
  CHECK_FALSE(is_soft(*store, "b"));
  Found old = store->find(store->key("a"));
  store->purge_all(false);
  CHECK_FALSE(has(*store, "a"));
  CHECK_FALSE(has(*store, "b"));
  CHECK_FALSE(store->freshen(store->key("a"), old.reader, fresh_for(1), ""));
  REQUIRE(put(*store, "b", "b"));
  CHECK(get(*store, "b") == "b");
  keep_all_house(*store);
  CHECK(store->stats().entries == 1);
  demand_sound(*store);
}

TEST_CASE("purge: what has a tag, hard and soft, and nothing else") {
  const auto store = make_store(sizes);
  put_tagged(*store, "1", {"red", "round"});
  put_tagged(*store, "2", {"red"});
  put_tagged(*store, "3", {"blue", "round"});
  REQUIRE(put(*store, "4", "4"));
  store->purge_tag(Store::tag_hash("red"), false);
  store->purge_tag(Store::tag_hash("round"), true);
  CHECK_FALSE(has(*store, "1"));
  CHECK_FALSE(has(*store, "2"));
  CHECK(is_soft(*store, "3"));
  CHECK_FALSE(is_soft(*store, "4"));
  put_tagged(*store, "2", {"red"});
  CHECK(get(*store, "2") == "2");
  CHECK_FALSE(is_soft(*store, "2"));
}

TEST_CASE("purge: of more tags than are remembered none that was purged comes back") {
  const auto store = make_store({.bytes = 64U << 20});
  constexpr int tags = 40'000;
  for (int i = 0; i < tags; ++i) {
    const std::string name = fmt::format("{}", i);
    put_tagged(*store, name, {name});
  }
  REQUIRE(put(*store, "untagged", "x"));
  for (int i = 0; i < tags; i += 2) store->purge_tag(Store::tag_hash(fmt::format("{}", i)), i % 4);
  unsigned wrong = 0;
  for (int i = 0; i < tags; i += 2) {
    const std::string name = fmt::format("{}", i);
    wrong += i % 4 == 0 ? has(*store, name) : has(*store, name) && !is_soft(*store, name);
  }
  CHECK(wrong == 0);
  CHECK(has(*store, "untagged"));
  put_tagged(*store, "later", {"0"});
  CHECK(has(*store, "later"));
}

TEST_CASE("purge: what begins with a text, hard and soft, before and after the sweep") {
  for (const bool swept : {false, true}) {
    CAPTURE(swept);
    const auto store = make_store(sizes);
    for (const std::string_view key : {"/a/1", "/a/2", "/b/1", "/c"})
      REQUIRE(put(*store, key, key));
    CHECK(store->purge_prefix("/a/", false));
    CHECK(store->purge_prefix("/b", true));
    REQUIRE(put(*store, "/a/2", "later"));
    if (swept) {
      keep_all_house(*store);
      CHECK(store->stats().entries == 3);
    }
    CHECK_FALSE(has(*store, "/a/1"));
    CHECK(get(*store, "/a/2") == "later");
    CHECK(is_soft(*store, "/b/1"));
    CHECK_FALSE(is_soft(*store, "/c"));
    demand_sound(*store);
  }
}

TEST_CASE("purge: prefixes are as many as fit until the sweep is through") {
  const auto store = make_store(sizes);
  int taken = 0;
  while (taken < 100 && store->purge_prefix(fmt::format("/{}", taken), false)) ++taken;
  CHECK(taken == 32);
  keep_all_house(*store);
  CHECK(store->purge_prefix("/x", false));
  CHECK_FALSE(store->purge_prefix(std::string(5000, 'x'), false));
}

TEST_CASE("purge: what is being fetched when a purge comes is not found after it") {
  const auto purges = {+[](Store& it) { it.purge_all(false); },
                       +[](Store& it) { it.purge(it.key("k"), false); },
                       +[](Store& it) { it.remove(it.key("k")); },
                       +[](Store& it) { it.purge_tag(Store::tag_hash("t"), false); },
                       +[](Store& it) {
                         it.purge_prefix("k", false);
                         for (int i = 0; i < 10'000; ++i) it.keep_house(test_now);
                       }};
  for (const auto purge : purges) {
    for (const bool begun : {false, true}) {
      CAPTURE(begun);
      const auto store = make_store(sizes);
      Nobody owner;
      Joined joined = store->join(store->key("k"), owner);
      const std::uint64_t tags[] = {Store::tag_hash("t")};
      if (!begun) purge(*store);
      REQUIRE(joined.fill.begin(fresh_for(1000), "", 4, tags));
      if (begun) purge(*store);
      // Who comes now asks anew; who was there before still gets it. Tags are known with the head.
      Joined late = store->join(store->key("k"), owner);
      CHECK(static_cast<bool>(late.fill) != static_cast<bool>(late.follower));
      if (begun) CHECK(late.fill);
      late = {};
      REQUIRE(joined.fill.append("text"));
      joined.fill.commit();
      CHECK_FALSE(has(*store, "k"));
      CHECK(put(*store, "k", "new"));
      CHECK(has(*store, "k"));
    }
  }
}

TEST_CASE("purge: what is being fetched when a soft purge comes is stale from the start") {
  const auto store = make_store(sizes);
  Nobody owner;
  Joined joined = store->join(store->key("k"), owner);
  store->purge(store->key("k"), true);
  CHECK(fill_with(std::move(joined.fill), "text"));
  CHECK(is_soft(*store, "k"));
}

}  // namespace weir::cache
