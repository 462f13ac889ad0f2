#include "process/purge_keys.h"

#include <doctest/doctest.h>

#include "test/unit/conf/support.h"

using namespace weir;
using namespace weir::process;

namespace {

using What = PurgeCommand::What;

std::unique_ptr<const conf::Config> config_of(std::string text) {
  auto loaded = conf::test::load_text(std::move(text));
  REQUIRE(loaded.config);
  return std::move(loaded.config);
}

constexpr const char* two_caches = R"(
[upstream app]
server = 127.0.0.1:1
[cache pages]
[cache api]
key_headers = Accept
[cache idle]
[server web]
listen = 127.0.0.1:80
upstream = app
cache = pages
[location same]
server = web
path = /same/
[location path]
server = web
path = /path/
cache_key = $host$uri
[location api]
server = web
path = /api/
cache = api
[location user]
server = web
path = /user/
cache = api
cache_key = $cookie_user$request_uri
[server raw]
listen = 127.0.0.1:81
merge_slashes = off
upstream = app
cache = pages
cache_key = $host$uri
)";

PurgeKeys keys(const conf::Config& config, What what, std::string text, std::string cache = {}) {
  return purge_keys(config, {what, std::move(text), std::move(cache)});
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("purge keys: each cache_key of the locations that use a cache, once") {
  const auto config = config_of(two_caches);
  const PurgeKeys pages = keys(*config, What::url, "http://a/b//c", "pages");
  CHECK(pages.error == "");
  CHECK(pages.left == "");
  REQUIRE(pages.caches.size() == 1);
  CHECK(pages.caches[0].cache->name == "pages");
  CHECK_FALSE(pages.caches[0].has_more);
  CHECK(pages.caches[0].keys == Texts{"httpa/b//c", "a/b/c", "a/b//c"});
  CHECK(keys(*config, What::url, "http://a/b", "pages").caches[0].keys == Texts{"httpa/b", "a/b"});
  CHECK(keys(*config, What::prefix, "http://a/b/", "pages").caches[0].keys ==
        Texts{"httpa/b/", "a/b/"});
}

TEST_CASE(
    "purge keys: of a location whose key a URL does not tell it is said so, the rest is purged") {
  const auto config = config_of(two_caches);
  const PurgeKeys all = keys(*config, What::url, "http://a/b");
  CHECK(all.error == "");
  REQUIRE(all.caches.size() == 2);  // nothing is stored in the idle one
  CHECK(all.caches[1].cache->name == "api");
  CHECK(all.caches[1].has_more);
  CHECK(all.caches[1].keys == Texts{"httpa/b"});
  CHECK(all.left ==
        "location \"user\": its cache_key has $cookie_user, which a URL does not tell; --key TEXT "
        "purges by the key itself");
}

TEST_CASE("purge keys: nothing can be done") {
  const auto config = config_of(two_caches);
  CHECK(keys(*config, What::all, "", "none").error == "there is no cache \"none\"");
  CHECK(keys(*config, What::url, "http://a/", "idle").error == "no location uses the cache");
  CHECK(keys(*config, What::url, "/a").error == "a URL begins with http:// or https://");
  CHECK(keys(*config, What::tag, std::string(257, 'x')).error ==
        "a surrogate key has at most 256 bytes");
  for (const char* cache : {"none", "idle"})
    CHECK(keys(*config, What::url, "http://a/", cache).caches.empty());
  const auto bare = config_of("[server web]\nlisten = 127.0.0.1:80\nreturn = 200 ok\n");
  CHECK(keys(*bare, What::all, "").error == "there is no [cache] in the configuration");
}

TEST_CASE("purge keys: where no key can be made the reason is the error") {
  const auto config = config_of(R"(
[upstream app]
server = 127.0.0.1:1
[cache pages]
[server web]
listen = 127.0.0.1:80
upstream = app
cache = pages
cache_key = $cookie_user$uri
[server strict]
listen = 127.0.0.1:81
reject_encoded_slash = on
upstream = app
cache = pages
)");
  const PurgeKeys none = keys(*config, What::url, "http://a/b%2fc");
  CHECK(none.caches.empty());
  CHECK(none.left == "");
  CHECK(none.error.find("server \"web\": its cache_key has $cookie_user") == 0);
  CHECK(none.error.find("; server \"strict\": ") != std::string::npos);
}

TEST_CASE("purge keys: what is longer than a rule for prefixes is refused, a key alone is not") {
  const auto config = config_of(two_caches);
  const auto url = [](std::size_t key_bytes) {  // "httpa/..." and "a/..."
    return "http://a/" + std::string(key_bytes - 6, 'x');
  };
  CHECK(keys(*config, What::prefix, url(1000), "pages").error == "");
  CHECK(keys(*config, What::prefix, url(1001), "pages")
            .error.find("cache \"pages\": the key has 1001 bytes") == 0);
  CHECK(keys(*config, What::url, url(3000), "pages").error == "");
  CHECK(keys(*config, What::url, url(999), "api").caches.size() == 1);
  CHECK(keys(*config, What::url, url(1000), "api").caches.empty());
  const PurgeKeys both = keys(*config, What::url, url(3000));
  CHECK(both.error == "");
  REQUIRE(both.caches.size() == 1);
  CHECK(both.left.find("cache \"api\": the key has 3001 bytes") != std::string::npos);
}

TEST_CASE("purge keys: a key is taken as it is, a tag and all need none") {
  const auto config = config_of(two_caches);
  const PurgeKeys key = keys(*config, What::key, "any\ntext");
  REQUIRE(key.caches.size() == 3);
  for (const auto& cache : key.caches) CHECK(cache.keys == Texts{"any\ntext"});
  CHECK(keys(*config, What::tag, "news").caches.size() == 3);
  CHECK(keys(*config, What::all, "", "api").caches.size() == 1);
}

TEST_CASE("purge keys: a message names a few locations and counts the others") {
  std::string text =
      "[upstream app]\nserver = 127.0.0.1:1\n[cache pages]\n[server web]\nlisten = 127.0.0.1:80\n"
      "upstream = app\ncache = pages\n";
  for (int i = 0; i < 20; ++i) {
    text += "[location l" + std::to_string(i) + "]\nserver = web\npath = /" + std::to_string(i) +
            "/\ncache_key = $cookie_a$uri-" + std::to_string(i) + "\n";
  }
  const auto config = config_of(text);
  const PurgeKeys some = keys(*config, What::url, "http://a/");
  CHECK(some.caches.size() == 1);
  CHECK(some.left.find("location \"l7\"") != std::string::npos);
  CHECK(some.left.find("location \"l8\"") == std::string::npos);
  CHECK(some.left.find("; and 12 more") != std::string::npos);
}
