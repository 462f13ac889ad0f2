// ApiKeys: who may pass by an API key: one [api_keys NAME] as the workers use it. Immutable.
//
// Keys are known by their SHA-256 only (they are random, so a plain hash is enough). A presented
// key is hashed once; the first bytes of its digest find the entries to look at, and each of those
// is compared whole by CRYPTO_memcmp. What timing may tell is about digests, which nobody can
// choose and which do not lead back to keys.
//
// A key is never logged and never forwarded: the exchange calls strip() before it writes a request
// for a peer or a log line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/model.h"
#include "http/fields.h"

namespace weir {

using KeyDigest = std::array<std::uint8_t, 32>;

KeyDigest digest_of(std::string_view key);         // SHA-256
std::string digest_text(const KeyDigest& digest);  // "sha256:9f86...", as a configuration has it

class ApiKeys {
 public:
  enum class Verdict : std::uint8_t { pass, missing, unknown };
  struct Answer {
    Verdict verdict;
    std::string_view name;  // of the key that passed; lives as long as the configuration
  };

  explicit ApiKeys(const conf::ApiKeysConf& conf);  // which outlives it

  // Exactly one instance of the header, not empty; several are `unknown`, whatever they say.
  Answer check(const Fields& fields) const;
  void strip(Fields& fields) const;

  std::string_view header() const { return *conf_->header; }
  std::string_view challenge() const { return challenge_; }  // the value of WWW-Authenticate

 private:
  struct Entry {
    std::uint64_t prefix;
    const conf::ApiKey* key;
  };
  Answer look_up(std::string_view presented) const;

  const conf::ApiKeysConf* conf_;
  std::string challenge_;
  std::vector<Entry> entries_;  // by prefix
};

}  // namespace weir
