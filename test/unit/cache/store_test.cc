#include "cache/store.h"

#include <unistd.h>

#include <array>

#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

const StoreSizes small{.bytes = 4U << 20};
const StoreSizes large{.bytes = 64U << 20};

}  // namespace

TEST_CASE("store: what was stored is found, with its facts and fields, and only that") {
  const auto store = make_store(small);
  CHECK_FALSE(has(*store, "GET/a"));
  REQUIRE(put(*store, "GET/a", "body of a"));
  Found found = store->find(store->key("GET/a"));
  REQUIRE(found.kind == Found::Kind::answer);
  CHECK(found.reader.facts().status == 200);
  CHECK(found.reader.fields() == "content-type: text/plain\r\n");
  CHECK(found.reader.progress() == Reader::Progress::complete);
  CHECK(found.reader.length() == 9);
  CHECK(found.reader.read(0) == "body of a");
  CHECK(found.reader.read(5) == "of a");
  CHECK(found.reader.read(9).empty());
  CHECK_FALSE(has(*store, "GET/b"));
  demand_sound(*store);
}

TEST_CASE(
    "store: bodies of all sizes come back as they were, of known length or not, in any steps") {
  const auto store = make_store(large);
  for (const std::size_t bytes :
       {0U, 1U, 100U, 4096U, 65'000U, 65'536U, 70'000U, 200'000U, 1'000'000U, 9'000'001U}) {
    for (const bool known : {true, false}) {
      for (const std::size_t step : {std::size_t{1000}, std::size_t{16'384}, bytes + 1}) {
        CAPTURE(bytes);
        CAPTURE(known);
        CAPTURE(step);
        const std::string key = fmt::format("{}-{}-{}", bytes, known, step);
        const std::string body = body_of(key, bytes);
        REQUIRE(put(*store, key, body, {.length_known = known, .step = step}));
        CHECK(get(*store, key) == body);
      }
    }
  }
  demand_sound(*store);
}

TEST_CASE("store: a sighting holds until what was seen is gone, moved, purged or another") {
  const auto store = make_store(small);
  const Key key = store->key("k");
  const auto see = [&] {
    REQUIRE(put(*store, "k", "body", {.tags = std::array{Store::tag_hash("t")}}));
    return store->sighting(key, store->find(key).reader);
  };
  Sighting seen = see();
  CHECK(store->still_sees(seen));
  CHECK(store->still_sees(seen));
  CHECK_FALSE(store->still_sees({}));

  const Sighting other = store->sighting(store->key("other"), store->find(key).reader);
  CHECK_FALSE(store->still_sees(other));

  for (const bool soft : {false, true}) {
    CAPTURE(soft);
    const auto demand_gone_after = [&](const auto& purge) {
      seen = see();
      REQUIRE(store->still_sees(seen));
      purge();
      CHECK_FALSE(store->still_sees(seen));
    };
    demand_gone_after([&] { store->purge(key, soft); });
    demand_gone_after([&] { store->purge_prefix("k", soft); });
    demand_gone_after([&] { store->purge_tag(Store::tag_hash("t"), soft); });
    demand_gone_after([&] { store->purge_all(soft); });
  }
  seen = see();
  CHECK(store->remove(key));
  CHECK_FALSE(store->still_sees(seen));

  seen = see();
  const Sighting newer = see();
  CHECK_FALSE(store->still_sees(seen));
  CHECK(store->still_sees(newer));
  {
    Found found = store->find(key);
    REQUIRE(store->freshen(key, found.reader, fresh_for(1), "x: y\r\n"));
  }
  CHECK_FALSE(store->still_sees(newer));
  demand_sound(*store);
}

TEST_CASE("store: nothing that was evicted or moved is seen, whatever stands there now") {
  const auto store = make_store(small);
  std::vector<Sighting> seen;
  std::size_t still = 0;
  for (int turn = 0; turn < 3000; ++turn) {
    const std::string name = std::to_string(turn);
    REQUIRE(put(*store, name, body_of(name, 9000)));
    seen.push_back(store->sighting(store->key(name), store->find(store->key(name)).reader));
    if (turn % 50 == 0) keep_all_house(*store);
  }
  for (std::size_t turn = 0; turn < seen.size(); ++turn) {
    const std::string name = std::to_string(turn);
    if (!store->still_sees(seen[turn])) continue;
    ++still;
    CHECK(get(*store, name) == body_of(name, 9000));
  }
  CHECK(still > 0);
  CHECK(still < seen.size() / 2);
}

TEST_CASE("store: a body may be read from anywhere") {
  const auto store = make_store(large);
  const std::string body = body_of("x", 2'000'000);
  REQUIRE(put(*store, "k", body));
  Found found = store->find(store->key("k"));
  REQUIRE(found.kind == Found::Kind::answer);
  for (const std::size_t at : {1'999'999U, 5U, 65'500U, 65'536U, 1'000'000U, 0U}) {
    const std::string_view part = found.reader.read(at);
    REQUIRE_FALSE(part.empty());
    CHECK(part == std::string_view(body).substr(at, part.size()));
  }
  CHECK(found.reader.read(2'000'000).empty());
  CHECK(found.reader.read(~std::uint64_t{0}).empty());
}

TEST_CASE("store: a second answer under a key takes the place of the first; its readers go on") {
  const auto store = make_store(small);
  REQUIRE(put(*store, "k", "first"));
  Found first = store->find(store->key("k"));
  REQUIRE(put(*store, "k", "second"));
  CHECK(get(*store, "k") == "second");
  CHECK(first.reader.read(0) == "first");
  CHECK(store->stats().entries == 1);
  CHECK(store->find(store->key("k")).reader.stored_seq() > first.reader.stored_seq());
  demand_sound(*store);
}

TEST_CASE("store: a fill that ends before its commit, or with another length, stores nothing") {
  const auto store = make_store(small);
  Nobody owner;
  {
    Joined joined = store->join(store->key("a"), owner);
    REQUIRE(joined.fill.begin(fresh_for(1000), "", 10, {}));
    REQUIRE(joined.fill.append("12345"));
  }
  CHECK_FALSE(has(*store, "a"));
  Joined shorter = store->join(store->key("a"), owner);
  REQUIRE(shorter.fill.begin(fresh_for(1000), "", 10, {}));
  REQUIRE(shorter.fill.append("12345"));
  CHECK_FALSE(shorter.fill.commit());
  Joined longer = store->join(store->key("a"), owner);
  REQUIRE(longer.fill.begin(fresh_for(1000), "", 3, {}));
  CHECK_FALSE(longer.fill.append("12345"));
  CHECK_FALSE(has(*store, "a"));
  CHECK(store->stats().segments_pinned == 0);
  CHECK(put(*store, "a", "x"));
  demand_sound(*store);
}

TEST_CASE("store: what is too large is refused as early as it is known") {
  const auto store = make_store({.bytes = 4U << 20, .object_bytes_max = 10'000});
  Nobody owner;
  Joined known = store->join(store->key("a"), owner);
  CHECK_FALSE(known.fill.begin(fresh_for(1000), "", 10'001, {}));
  Joined unknown = store->join(store->key("a"), owner);
  REQUIRE(unknown.fill.begin(fresh_for(1000), "", std::nullopt, {}));
  REQUIRE(unknown.fill.append(std::string(9000, 'x')));
  CHECK_FALSE(unknown.fill.append(std::string(1001, 'x')));
  CHECK_FALSE(unknown.fill);
  const std::string long_fields(70'000, 'f');
  Joined fields = store->join(store->key("a"), owner);
  CHECK_FALSE(fields.fill.begin(fresh_for(1000), long_fields, 1, {}));
  const std::string long_key(70'000, 'k');
  CHECK_FALSE(has(*store, long_key));
  Joined key = store->join(store->key(long_key), owner);
  CHECK_FALSE(key.fill);
  CHECK_FALSE(key.follower);
  demand_sound(*store);
}

TEST_CASE("store: what was removed is gone, its readers go on") {
  const auto store = make_store(small);
  CHECK_FALSE(store->remove(store->key("k")));
  REQUIRE(put(*store, "k", "text"));
  Found found = store->find(store->key("k"));
  CHECK(store->remove(store->key("k")));
  CHECK_FALSE(has(*store, "k"));
  CHECK(found.reader.read(0) == "text");
  CHECK(found.reader.progress() == Reader::Progress::complete);
  demand_sound(*store);
}

TEST_CASE("store: the limit of entries holds, and the limit of memory") {
  const auto store = make_store({.bytes = 4U << 20, .entries_max = 100});
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(put(*store, fmt::format("{}", i), "x"));
    REQUIRE(store->stats().entries <= 100);
  }
  CHECK(store->stats().entries == 100);
  CHECK(store->stats().evicted == 900);
  demand_sound(*store);

  const auto bytes = make_store(small);
  for (int i = 0; i < 3000; ++i) {
    const std::string key = fmt::format("{}", i);
    REQUIRE(put(*bytes, key, body_of(key, 1000 + i * 7919 % 20'000)));
    REQUIRE(bytes->stats().bytes_used <= bytes->stats().bytes_max);
  }
  demand_sound(*bytes);
  unsigned found = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = fmt::format("{}", i);
    if (!has(*bytes, key)) continue;
    ++found;
    CHECK(get(*bytes, key) == body_of(key, 1000 + i * 7919 % 20'000));
  }
  CHECK(found == bytes->stats().entries);
  CHECK(bytes->stats().bytes_used > bytes->stats().bytes_max * 8 / 10);
}

TEST_CASE("store: as many entries fit as are allowed, wherever their hashes fall") {
  for (const std::uint32_t entries : {1U, 10U, 24U, 100U, 5000U}) {
    const auto store = make_store({.bytes = 8U << 20, .entries_max = entries});
    for (std::uint32_t i = 0; i < entries; ++i) REQUIRE(put(*store, fmt::format("{}", i), "x"));
    CHECK(store->stats().entries == entries);
    for (std::uint32_t i = 0; i < entries; ++i) CHECK(has(*store, fmt::format("{}", i)));
    demand_sound(*store);
  }
}

TEST_CASE("store: another process finds what one has stored, and the other way round") {
  const auto one = make_store(small);
  const auto two = second_view(*one, 7);
  REQUIRE(put(*one, "a", "from one"));
  REQUIRE(put(*two, "b", "from two"));
  CHECK(get(*two, "a") == "from one");
  CHECK(get(*one, "b") == "from two");
  CHECK(two->remove(two->key("a")));
  CHECK_FALSE(has(*one, "a"));
}

TEST_CASE("store: freshened, an answer has other facts and fields and the body it had") {
  const auto store = make_store(large);
  for (const std::size_t bytes : {0U, 500U, 300'000U, 5'000'000U}) {
    for (const bool known : {true, false}) {
      CAPTURE(bytes);
      const std::string key = fmt::format("{} {}", bytes, known), body = body_of(key, bytes);
      const std::uint64_t tags[] = {Store::tag_hash("t")};
      REQUIRE(put(*store, key, body, {.length_known = known, .tags = tags}));
      Found found = store->find(store->key(key));
      Facts facts = fresh_for(7);
      facts.status = 203;
      REQUIRE(store->freshen(store->key(key), found.reader, facts, "etag: \"2\"\r\n"));
      CHECK(found.reader.facts().status == 200);
      CHECK(read_all(found.reader) == body);
      Found again = store->find(store->key(key));
      REQUIRE(again.kind == Found::Kind::answer);
      CHECK(again.reader.facts().status == 203);
      CHECK(again.reader.fields() == "etag: \"2\"\r\n");
      CHECK(read_all(again.reader) == body);
      CHECK(again.reader.stored_seq() > found.reader.stored_seq());
      CHECK_FALSE(store->freshen(store->key(key), found.reader, facts, ""));  // it is the old one
    }
  }
  store->purge_tag(Store::tag_hash("t"), false);
  CHECK_FALSE(has(*store, "500 true"));
  demand_sound(*store);
}

TEST_CASE("store: a small answer takes at most 200 bytes besides its key, fields and body") {
  const auto store = make_store({.bytes = 16U << 20, .entries_max = 20'000});
  std::size_t own = 0;
  for (int i = 0; i < 19'000; ++i) {  // a little less than all places: two full buckets evict

    const std::string key = fmt::format("https://example.com/some/path/{}", i);
    const std::string body(static_cast<std::size_t>(i % 200), 'x');
    How how;
    own += key.size() + body.size() + how.fields.size();
    REQUIRE(put(*store, key, body, how));
  }
  const StoreStats stats = store->stats();
  REQUIRE(stats.entries == 19'000);
  const double of_index = static_cast<double>(store->index_bytes()) / 19'000;
  const double of_chunks = static_cast<double>(stats.bytes_used - own) / 19'000;
  CHECK(of_index + of_chunks <= 200);
  MESSAGE("bytes per object besides key, fields and body: ", of_chunks, " + ", of_index,
          " of the index");
}

TEST_CASE("store: somebody outside attaches by name and sizes, and looks while others work") {
  const StoreSizes sizes{4 << 20, 100, 1 << 20, Eviction::s3fifo};
  auto store = make_store(sizes);
  REQUIRE(put(*store, "k", body_of("k", 100'000)));
  const auto fd = [&] { return Fd(::dup(store->zone().fd())); };
  const auto other = Store::attach("test", sizes, fd());
  REQUIRE(other);
  CHECK((*other)->check_now().empty());
  CHECK((*other)->stats().entries == 1);
  StoreSizes larger = sizes;
  larger.bytes *= 2;
  CHECK_FALSE(Store::attach("test", larger, fd()));
  CHECK_FALSE(Store::attach("another", sizes, fd()));
}

TEST_CASE("store: what each process has served is added up, and outlives it") {
  auto store = make_store({4 << 20, 100, 1 << 20, Eviction::s3fifo});
  store->enter({3, 1});
  store->count({.hits = 2, .stale = 1, .bytes_out = 500});
  store->count({.misses = 1, .collapsed = 1});
  auto other = store->view();
  REQUIRE(other);
  (*other)->enter({200, 1});
  (*other)->count({.hits = 1, .revalidated = 4, .bypassed = 5, .bytes_out = 7});
  store->clean_dead({200, 1});
  (*other)->enter({200, 2});  // the next one in that place
  (*other)->count({.hits = 10});
  const Served served = store->stats().served;
  CHECK(served.hits == 13);
  CHECK(served.misses == 1);
  CHECK(served.revalidated == 4);
  CHECK(served.stale == 1);
  CHECK(served.bypassed == 5);
  CHECK(served.collapsed == 1);
  CHECK(served.bytes_out == 507);
}

}  // namespace weir::cache
