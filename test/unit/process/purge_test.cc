#include "process/purge.h"

#include <doctest/doctest.h>

#include "test/unit/cache/store_support.h"
#include "test/unit/conf/support.h"

using namespace weir;
using namespace weir::process;

namespace {

using What = PurgeCommand::What;

struct Instance {
  explicit Instance(const std::string& of_api = "") {
    auto loaded = conf::test::load_text(
        "[upstream app]\nserver = 127.0.0.1:1\n[cache pages]\n[cache api]\n" + of_api +
        "[server web]\nlisten = 127.0.0.1:80\nupstream = app\ncache = pages\n"
        "[location api]\nserver = web\npath = /api/\ncache = api\ncache_key = $host$uri\n");
    REQUIRE(loaded.config);
    config = std::move(loaded.config);
    pages = make("pages", 4 << 20);
    api = make("api", 4 << 20);
  }
  std::shared_ptr<cache::Store> make(std::string_view name, std::uint64_t bytes) {
    auto made = stores.get(name, {.bytes = bytes, .object_bytes_max = 1 << 20});
    REQUIRE(made);
    (*made)->enter({0, 1});
    return *made;
  }
  std::string purge(What what, std::string text, std::string cache = {}, bool soft = false) {
    const Purged done =
        process::purge(stores, *config, {what, std::move(text), std::move(cache), soft});
    return (done.ok ? "" : "error: ") + done.text;
  }
  std::unique_ptr<const conf::Config> config;
  cache::Stores stores;
  std::shared_ptr<cache::Store> pages, api;
};

}  // namespace

TEST_CASE("purge: a URL is dropped from each cache, under the key that it has there") {
  Instance it;
  REQUIRE(put(*it.pages, "httpa/api/1", "x"));
  REQUIRE(put(*it.api, "a/api/1", "x"));
  REQUIRE(put(*it.api, "a/api/2", "x"));
  CHECK(it.purge(What::url, "http://a/api/1") ==
        "asked 2 caches: something was stored, and is gone now");
  CHECK_FALSE(has(*it.pages, "httpa/api/1"));
  CHECK_FALSE(has(*it.api, "a/api/1"));
  CHECK(has(*it.api, "a/api/2"));
  CHECK(it.purge(What::url, "http://a/api/1", "api") == "asked 1 cache: nothing was stored");
}

TEST_CASE("purge: what key_headers tell apart goes with its URL") {
  Instance it("key_headers = Accept\n");
  REQUIRE(put(*it.api, "a/api/1\naccept=text/html", "x"));
  REQUIRE(put(*it.api, "a/api/12\naccept=text/html", "x"));
  CHECK(it.purge(What::url, "http://a/api/1", "api") ==
        "asked 1 cache: what was stored is gone now");
  CHECK_FALSE(has(*it.api, "a/api/1\naccept=text/html"));
  CHECK(has(*it.api, "a/api/12\naccept=text/html"));
}

TEST_CASE("purge: a prefix, a tag, a key, all") {
  Instance it;
  const std::uint64_t tags[] = {cache::Store::tag_hash("news")};
  cache::How tagged;
  tagged.tags = tags;
  for (const char* key : {"a/1", "a/2", "b/1"}) REQUIRE(put(*it.api, key, "x"));
  REQUIRE(put(*it.api, "b/2", "x", tagged));
  CHECK(it.purge(What::prefix, "http://a/") == "asked 2 caches: what was stored is gone now");
  CHECK_FALSE(has(*it.api, "a/1"));
  CHECK_FALSE(has(*it.api, "a/2"));
  CHECK(it.purge(What::tag, "news") == "asked 2 caches: what was stored is gone now");
  CHECK_FALSE(has(*it.api, "b/2"));
  CHECK(has(*it.api, "b/1"));
  CHECK(it.purge(What::key, "b/1", "pages") == "asked 1 cache: nothing was stored");
  CHECK(it.purge(What::key, "b/1", "api") ==
        "asked 1 cache: something was stored, and is gone now");
  CHECK_FALSE(has(*it.api, "b/1"));
  REQUIRE(put(*it.api, "b/3", "x"));
  CHECK(it.purge(What::all, "", "pages") == "asked 1 cache: what was stored is gone now");
  CHECK(has(*it.api, "b/3"));
  it.purge(What::all, "");
  CHECK_FALSE(has(*it.api, "b/3"));
}

TEST_CASE("purge: softly, answers stay and are stale") {
  Instance it;
  REQUIRE(put(*it.api, "a/1", "x"));
  CHECK_FALSE(it.api->find(it.api->key("a/1")).reader.soft_purged());
  CHECK(it.purge(What::url, "http://a/1", "api", true) ==
        "asked 1 cache: something was stored, and is stale now");
  CHECK(it.api->find(it.api->key("a/1")).reader.soft_purged());
}

TEST_CASE("purge: the store that an earlier generation has of that name is purged too") {
  Instance it;
  const auto earlier = it.make("pages", 8 << 20);
  REQUIRE(put(*earlier, "httpa/1", "x"));
  CHECK(it.purge(What::url, "http://a/1", "pages") ==
        "asked 1 cache: something was stored, and is gone now");
  CHECK_FALSE(has(*earlier, "httpa/1"));
}

TEST_CASE("purge: too many prefixes at a time are refused, and can be had later") {
  Instance it;
  std::string last;
  for (int i = 0; i < 40; ++i)
    last = it.purge(What::prefix, "http://a/" + std::to_string(i), "api");
  CHECK(last == "error: too many purges are being worked on; try again");
  cache::keep_all_house(*it.api);
  CHECK(it.purge(What::prefix, "http://a/", "api") == "asked 1 cache: what was stored is gone now");
}

TEST_CASE("purge: what is wrong with a command is said") {
  Instance it;
  CHECK(it.purge(What::all, "", "none") == "error: there is no cache \"none\"");
}
