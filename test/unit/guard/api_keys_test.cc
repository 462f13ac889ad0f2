#include "guard/api_keys.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

using namespace weir;

namespace {

using Verdict = ApiKeys::Verdict;

conf::ApiKeysConf conf_with(std::initializer_list<std::pair<const char*, const char*>> keys) {
  conf::ApiKeysConf conf;
  conf.name = "clients";
  conf.header.value = "X-API-Key";
  for (const auto& [name, key] : keys) {
    conf::ApiKey entry;
    entry.name = name;
    entry.sha256 = digest_of(key);
    conf.keys.push_back(entry);
  }
  return conf;
}

Fields fields_with(std::initializer_list<std::pair<const char*, const char*>> list) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

}  // namespace

TEST_CASE("api keys: the digest is SHA-256, written as a configuration has it") {
  CHECK(digest_text(digest_of("test-api-key-123")) ==
        "sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464");
  CHECK(digest_text(digest_of("")) ==
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("api keys: a known key passes under its name, whatever the case of the header") {
  const auto conf = conf_with({{"alice", "key-a"}, {"bob", "key-b"}});
  const ApiKeys keys(conf);
  for (const char* header : {"X-API-Key", "x-api-key", "X-Api-KEY"}) {
    const auto answer = keys.check(fields_with({{"Host", "x"}, {header, "key-b"}}));
    CHECK(answer.verdict == Verdict::pass);
    CHECK(answer.name == "bob");
  }
}

TEST_CASE("api keys: no header or an empty one is a missing key") {
  const auto conf = conf_with({{"alice", "key-a"}});
  const ApiKeys keys(conf);
  CHECK(keys.check({}).verdict == Verdict::missing);
  CHECK(keys.check(fields_with({{"X-API-Key", ""}})).verdict == Verdict::missing);
  CHECK(keys.check(fields_with({{"X-API-Keys", "key-a"}})).verdict == Verdict::missing);
}

TEST_CASE("api keys: what does not pass") {
  const auto conf = conf_with({{"alice", "key-a"}});
  const ApiKeys keys(conf);
  for (const char* key :
       {"key-b", "key-A", "key-a ", " key-a", "key-", "key-aa", "alice",
        "sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464"}) {
    CAPTURE(key);
    const auto answer = keys.check(fields_with({{"X-API-Key", key}}));
    CHECK(answer.verdict == Verdict::unknown);
    CHECK(answer.name.empty());
  }
}

TEST_CASE("api keys: two headers never pass, even when both are right") {
  const auto conf = conf_with({{"alice", "key-a"}});
  const ApiKeys keys(conf);
  CHECK(keys.check(fields_with({{"X-API-Key", "key-a"}, {"x-api-key", "key-a"}})).verdict ==
        Verdict::unknown);
  CHECK(keys.check(fields_with({{"X-API-Key", ""}, {"x-api-key", "key-a"}})).verdict ==
        Verdict::unknown);
}

TEST_CASE("api keys: no keys, nobody passes") {
  const auto conf = conf_with({});
  CHECK(ApiKeys(conf).check(fields_with({{"X-API-Key", "x"}})).verdict == Verdict::unknown);
}

TEST_CASE("api keys: among many keys each is found, and only under its own name") {
  conf::ApiKeysConf conf = conf_with({});
  for (int i = 0; i < 1000; ++i) {
    conf::ApiKey entry;
    entry.name = "name" + std::to_string(i);
    entry.sha256 = digest_of("key" + std::to_string(i));
    conf.keys.push_back(entry);
  }
  const ApiKeys keys(conf);
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    Fields fields;
    fields.add("X-API-Key", key);
    CHECK(keys.check(fields).name == "name" + std::to_string(i));
  }
}

TEST_CASE("api keys: digests that begin alike are told apart") {
  conf::ApiKeysConf conf = conf_with({{"decoy", "x"}, {"alice", "key-a"}, {"other", "y"}});
  conf.keys[0].sha256 = conf.keys[1].sha256;
  conf.keys[0].sha256[31] ^= 1;
  conf.keys[2].sha256 = conf.keys[1].sha256;
  conf.keys[2].sha256[8] ^= 1;
  CHECK(ApiKeys(conf).check(fields_with({{"X-API-Key", "key-a"}})).name == "alice");
}

TEST_CASE("api keys: strip leaves no trace of the key, also under a name that some take for it") {
  const auto conf = conf_with({{"alice", "key-a"}});
  Fields fields = fields_with({{"Host", "x"},
                               {"X-API-Key", "key-a"},
                               {"Accept", "*/*"},
                               {"x-api-key", "key-b"},
                               {"X_API_Key", "key-a"}});
  ApiKeys(conf).strip(fields);
  CHECK(fields.size() == 2);
  CHECK(fields.find("X-API-Key") == nullptr);
}

TEST_CASE("api keys: the challenge names the realm and the header") {
  const auto conf = conf_with({});
  CHECK(ApiKeys(conf).challenge() == "ApiKey realm=\"clients\", header=\"X-API-Key\"");
}
