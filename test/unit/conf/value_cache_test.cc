// The directives of [cache] and of the places that use one.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "conf/diff.h"
#include "conf/manual.h"
#include "support.h"

namespace weir::conf {
namespace {

std::string with_cache(std::string_view lines) {
  return "[server web]\nlisten = 80\n[cache c]\n" + std::string(lines) + "\n";
}

const CacheConf& cache_of(const Loaded& loaded) { return loaded.config->caches.at(0); }

}  // namespace

TEST_CASE("cache: a section without lines has the defaults") {
  const Loaded loaded = test::load_text(with_cache(""));
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const CacheConf& cache = cache_of(loaded);
  CHECK(cache.name == "c");
  CHECK(cache.size->bytes == 64 << 20);
  CHECK(*cache.max_entries == 0);
  CHECK(cache.max_object_size->bytes == 8 << 20);
  CHECK((*cache.eviction == CacheEviction::s3fifo));
  CHECK(cache.ttl->rows.empty());
  CHECK_FALSE(cache.default_ttl->time);
  CHECK_FALSE(cache.stale_while_revalidate->time);
  CHECK_FALSE(cache.stale_if_error->time);
  CHECK(*cache.cache_methods == CacheMethods{true, false});
  CHECK(cache.key_headers->names.empty());
  CHECK(cache.bypass->any_of.empty());
  CHECK(cache.no_store->any_of.empty());
  CHECK(*cache.min_uses == 1);
  CHECK(*cache.lock);
  CHECK(*cache.lock_timeout == std::chrono::seconds(5));
  const LocationConf& place = loaded.config->servers.at(0).base;
  CHECK(place.cache->name.empty());
  CHECK(place.cache_key->text.source() == "$scheme$host$request_uri");
  CHECK(place.purge->empty());
}

TEST_CASE("cache: values are read, and printed so that they read the same") {
  struct Case {
    std::string_view line;
    std::string_view printed;
  };
  for (const Case& test : std::vector<Case>{
           {"ttl = 200,301:5m 404:10s any:0", "ttl = 200,301:5m 404:10s any:0"},
           {"ttl = 200:300s 301:5m", "ttl = 200,301:5m"},
           {"ttl = any:1s", "ttl = any:1s"},
           {"default_ttl = 300s", "default_ttl = 5m"},
           {"default_ttl = 0", "default_ttl = 0"},
           {"default_ttl = off", "default_ttl = off"},
           {"stale_while_revalidate = 30s", "stale_while_revalidate = 30s"},
           {"stale_if_error = 1h", "stale_if_error = 1h"},
           {"eviction = lru", "eviction = lru"},
           {"cache_methods = GET", "cache_methods = GET"},
           {"cache_methods = GET POST", "cache_methods = GET POST"},
           {"key_headers = Accept Content-Type", "key_headers = accept content-type"},
           {"bypass = $cookie_session \"$arg_a $arg_b\"",
            "bypass = $cookie_session \"$arg_a $arg_b\""},
           {"no_store = $upstream_http_x_private", "no_store = $upstream_http_x_private"},
           {"size = 1m", "size = 1m"},
           {"max_object_size = 1m", "max_object_size = 1m"},
           {"lock = off", "lock = off"},
           {"lock_timeout = 10ms", "lock_timeout = 10ms"},
           {"min_uses = 255", "min_uses = 255"},
           {"path = /var/cache/weir/", "path = /var/cache/weir"},
           {"path = /", "path = /"},
           {"path = off", "path = off"},
           {"disk_size = 20g", "disk_size = 20g"},
       }) {
    CAPTURE(test.line);
    const Loaded loaded = test::load_text(with_cache(test.line));
    CAPTURE(loaded.report());
    REQUIRE(loaded.config);
    const std::string text = dump(*loaded.config);
    CHECK(text.find(std::string(test.printed) + '\n') != text.npos);
    const Loaded again = test::load_text(text);
    CAPTURE(again.report());
    REQUIRE(again.config);
    CHECK(diff(*loaded.config, *again.config).empty());
  }
}

TEST_CASE("cache: what is wrong is said where it stands") {
  struct Case {
    std::string_view line;
    std::string_view said;
  };
  for (const Case& test : std::vector<Case>{
           {"size = 1k", "1k is below the least, 1m"},
           {"size = big", "is not a size"},
           {"max_entries = many", "is not a number"},
           {"eviction = fifo", "unknown word \"fifo\" in eviction"},
           {"ttl = 5m", "\"5m\" is not STATUS:TIME; write 200,301:5m"},
           {"ttl = 200:", "is not a time"},
           {"ttl = 200:5", "\"5\" is not a time"},
           {"ttl = 200:2w 300:53w", "\"53w\" is not a time"},
           {"ttl = :5m", "\"\" is not a status"},
           {"ttl = 200,:5m", "\"\" is not a status"},
           {"ttl = 99:5m", "\"99\" is not a status"},
           {"ttl = 100:5m", "\"100\" is not a status"},
           {"ttl = 600:5m", "\"600\" is not a status"},
           {"ttl = 2xx:5m", "\"2xx\" is not a status"},
           {"ttl = 206:5m", "answers with status 206 are never kept"},
           {"ttl = 304:5m", "answers with status 304 are never kept"},
           {"ttl = 200,200:5m", "\"200\" stands here twice"},
           {"ttl = any:5m any:6m", "\"any\" stands here twice"},
           {"default_ttl = 300", "write 300s or 300ms"},
           {"default_ttl = 2000w", "is above the most"},
           {"stale_if_error = yes", "is not a time"},
           {"cache_methods = PUT", "answers to \"PUT\" can't be kept"},
           {"cache_methods = get", "answers to \"get\" can't be kept"},
           {"cache_methods = HEAD", "GET is missing"},
           {"cache_methods = GET GET", "stands here twice"},
           {"key_headers = Accept:", "remove the ':'"},
           {"key_headers = Accept accept", "stands here twice"},
           {"key_headers = Connection", "can't be part of a key"},
           {"key_headers = Range", "can't be part of a key"},
           {"bypass = 1", "is the same for every request"},
           {"bypass = $cokie_a", "unknown variable"},
           {"no_store =", "has no value"},
           {"min_uses = 0", "below the least"},
           {"lock = maybe", "neither on nor off"},
           {"lock_timeout = 1ms", "below the least"},
           {"slice = 8k", "a slice has at least 16k"},
           {"slice = 8m", "a slice does not fit: answers up to 8m are stored"},
           {"slice = off", "is not a size"},
           {"path = \"\"", "the path is empty"},
           {"path = a b", "path"},
           {"disk_size = 1k", "below the least"},
       }) {
    CAPTURE(test.line);
    const Loaded loaded = test::load_text(with_cache(test.line));
    CHECK(loaded.errors == 1);
    CHECK(loaded.report().find(test.said) != std::string::npos);
    CHECK(loaded.report().find("/etc/weir/weir.ini:4:") != std::string::npos);
  }
}

TEST_CASE("cache: a place names its section, and inherits what it does not say") {
  const Loaded loaded = test::load_text(
      "[cache a]\n[cache b]\n"
      "[api_keys ops]\nkey = a sha256:" +
      std::string(64, '0') +
      "\n"
      "[defaults]\ncache = a\npurge = api_keys:ops\n"
      "[server web]\nlisten = 80\ncache_key = $host$uri\n"
      "[location x]\nserver = web\npath = /x\ncache = b\npurge = off\n"
      "[location y]\nserver = web\npath = /y\ncache = off\n");
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const ServerConf& web = loaded.config->servers.at(0);
  CHECK(web.base.cache->target == &loaded.config->caches.at(0));
  CHECK(web.base.purge->at(0).api_keys == &loaded.config->api_keys.at(0));
  CHECK(web.locations.at(0).cache->target == &loaded.config->caches.at(1));
  CHECK(web.locations.at(0).purge->empty());
  CHECK(web.locations.at(0).cache_key->text.source() == "$host$uri");
  CHECK(web.locations.at(1).cache->target == nullptr);
}

TEST_CASE("cache: a place that names what is not there") {
  struct Case {
    std::string_view text;
    std::string_view said;
  };
  for (const Case& test : std::vector<Case>{
           {"cache = pages", "refers to cache \"pages\"; there is no [cache ...] section"},
           {"cache = pgaes\n[cache pages]", "did you mean \"pages\"?"},
           {"cache = /var/cache", "is not the name of a section; write [cache NAME]"},
           {"cache = a b", "one word too many"},
           {"purge = api_keys:ops", "refers to api_keys \"ops\""},
           {"purge = on", "is not KIND:NAME"},
           {"cache_key = fixed", "the key is the same for every request"},
           {"cache_key = $hots", "did you mean \"$host\"?"},
           {"cache_key = \"$host\\n\"", "a control byte in a key"},
       }) {
    CAPTURE(test.text);
    const Loaded loaded =
        test::load_text("[server web]\nlisten = 80\n" + std::string(test.text) + "\n");
    CAPTURE(loaded.report());
    CHECK(loaded.errors == 1);
    CHECK(loaded.report().find(test.said) != std::string::npos);
  }
}

TEST_CASE("cache: a line that does nothing, or not all it says, is told") {
  const Loaded large = test::load_text(with_cache("max_object_size = 33m"));
  CHECK(large.errors == 0);
  CHECK(large.report().find("answers up to 32m are stored: half of the size; a size of 66m takes "
                            "them") != std::string::npos);
  CHECK(test::load_text(with_cache("size = 1m")).report() == "");
  const Loaded loaded = test::load_text(with_cache("lock = off\nlock_timeout = 1s"));
  CHECK(loaded.errors == 0);
  CHECK(loaded.report().find("lock = off: lock_timeout does nothing") != std::string::npos);
}

TEST_CASE("cache: a reload says what changed") {
  const Loaded before = test::load_text(with_cache("size = 1m\nttl = 200:5m"));
  const Loaded after = test::load_text(with_cache("size = 2m\nttl = 200:6m"));
  REQUIRE(before.config);
  REQUIRE(after.config);
  const auto lines = diff(*before.config, *after.config);
  CHECK(lines == std::vector<std::string>{"size 1m -> 2m in [cache c]",
                                          "ttl 200:5m -> 200:6m in [cache c]"});
}

}  // namespace weir::conf
