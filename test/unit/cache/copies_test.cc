// What the store does for copies of stored bodies in content codings: a word that tells bodies
// apart, a key, and wishes for better ones.
#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "cache/key.h"
#include "cache/wishes.h"
#include "store_support.h"

namespace weir::cache {
namespace {

std::uint64_t word_of(Store& store, std::string_view key) {
  Found found = store.find(store.key(key));
  REQUIRE(found.kind == Found::Kind::answer);
  return found.reader.body_word();
}

TEST_CASE("copies: each stored body has a word of its own, also under the same key") {
  StoreSizes sizes;
  sizes.bytes = 4 << 20;
  const auto store = make_store(sizes);
  const auto other = make_store(sizes);
  std::set<std::uint64_t> words;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(put(*store, "a", body_of("same", i % 2 == 0 ? 100 : 100'000)));
    CHECK(words.insert(word_of(*store, "a")).second);
    REQUIRE(put(*other, "a", "same"));  // another zone: from whose files something may come
    CHECK(words.insert(word_of(*other, "a")).second);
  }
  CHECK(words.count(0) == 0);
}

TEST_CASE("copies: the word is kept when the answer is made fresh, and tags are read back") {
  StoreSizes sizes;
  sizes.bytes = 4 << 20;
  const auto store = make_store(sizes);
  const std::vector<std::uint64_t> tags{7, 9};
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{200'000}}) {
    How how;
    how.tags = tags;
    REQUIRE(put(*store, "a", body_of("text", bytes), how));
    const std::uint64_t word = word_of(*store, "a");
    Found found = store->find(store->key("a"));
    const std::uint64_t seq = found.reader.stored_seq();
    REQUIRE(store->freshen(store->key("a"), found.reader, fresh_for(1000), "etag: \"b\"\r\n"));
    CHECK(word_of(*store, "a") == word);
    Reader again = std::move(store->find(store->key("a")).reader);
    CHECK(again.stored_seq() > seq);
    CHECK(std::vector<std::uint64_t>(again.tags().begin(), again.tags().end()) == tags);
  }
  demand_sound(*store);
}

TEST_CASE("copies: their key names the coding and the body, and goes with the URI of the answer") {
  std::string key = "httphost/a";
  append_copy_key("br", 0x0123456789abcdef, key);
  CHECK(key == "httphost/a\n=br.0123456789abcdef");
  CHECK(uri_part(key) == "httphost/a");
}

TEST_CASE("copies: they are counted by themselves and are no answers that were stored") {
  StoreSizes sizes;
  sizes.bytes = 4 << 20;
  const auto store = make_store(sizes);
  REQUIRE(put(*store, "a", "text"));
  How how;
  how.facts.flags = fact::copy;
  how.facts.level = 4;
  REQUIRE(put(*store, "a\n=br.1", "coded", how));
  CHECK(store->stats().stored == 1);
  CHECK(store->stats().copies == 1);
  CHECK(store->find(store->key("a\n=br.1")).reader.facts().level == 4);
}

TEST_CASE("wishes: each is taken once, with what it is about; what does not fit is refused") {
  StoreSizes sizes;
  sizes.bytes = 4 << 20;
  const auto store = make_store(sizes);
  CHECK_FALSE(store->take_wish());
  CHECK_FALSE(store->wish(store->key("a"), 5));  // there is no such answer
  REQUIRE(put(*store, "a", "text"));
  CHECK(store->wish(store->key("a"), 5));
  CHECK(store->wish(store->key("a"), 5));  // the same
  CHECK(store->wish(store->key("a"), (1U << 31) - 1));
  const auto compressor = second_view(*store, 1);
  auto wish = compressor->take_wish();
  REQUIRE(wish);
  CHECK(wish->how == 5);
  CHECK(wish->key == "a");
  CHECK(read_all(wish->reader) == "text");
  wish.reset();
  wish = store->take_wish();
  REQUIRE(wish);
  CHECK(wish->how == (1U << 31) - 1);
  CHECK_FALSE(store->take_wish());

  for (std::uint32_t how = 0; how < wish_places; ++how) CHECK(store->wish(store->key("a"), how));
  CHECK_FALSE(store->wish(store->key("a"), wish_places));
}

TEST_CASE("wishes: one for what is gone by now is about nothing") {
  StoreSizes sizes;
  sizes.bytes = 4 << 20;
  const auto store = make_store(sizes);
  REQUIRE(put(*store, "a", "text"));
  CHECK(store->wish(store->key("a"), 1));
  store->remove(store->key("a"));
  const auto wish = store->take_wish();
  REQUIRE(wish);
  CHECK_FALSE(wish->reader);
}

}  // namespace
}  // namespace weir::cache
