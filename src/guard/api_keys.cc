#include "guard/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "guard/sha256.h"

namespace weir {
namespace {

std::uint64_t prefix_of(const KeyDigest& digest) {
  std::uint64_t prefix;
  std::memcpy(&prefix, digest.data(), sizeof prefix);
  return prefix;
}

}  // namespace

KeyDigest digest_of(std::string_view key) { return Sha256::of(key); }

std::string digest_text(const KeyDigest& digest) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string text = "sha256:";
  for (const std::uint8_t byte : digest) {
    text += hex[byte >> 4];
    text += hex[byte & 15];
  }
  return text;
}

ApiKeys::ApiKeys(const conf::ApiKeysConf& conf) : conf_(&conf) {
  challenge_ = "ApiKey realm=\"" + conf.name + "\", header=\"" + *conf.header + "\"";
  entries_.reserve(conf.keys.size());
  for (const conf::ApiKey& key : conf.keys) entries_.push_back({prefix_of(key.sha256), &key});
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.prefix < b.prefix; });
}

ApiKeys::Answer ApiKeys::check(const Fields& fields) const {
  std::string_view presented;
  std::size_t instances = 0;
  for (const Field& field : fields) {
    if (!same_field(field.name, header())) continue;
    presented = field.value;
    ++instances;
  }
  if (instances == 0 || (instances == 1 && presented.empty())) return {Verdict::missing, {}};
  if (instances > 1) return {Verdict::unknown, {}};
  return look_up(presented);
}

// Every entry with the right first bytes is compared, and whole: no early way out.
ApiKeys::Answer ApiKeys::look_up(std::string_view presented) const {
  const KeyDigest digest = digest_of(presented);
  const std::uint64_t prefix = prefix_of(digest);
  auto at = std::lower_bound(
      entries_.begin(), entries_.end(), prefix,
      [](const Entry& entry, std::uint64_t value) { return entry.prefix < value; });
  const conf::ApiKey* found = nullptr;
  for (; at != entries_.end() && at->prefix == prefix; ++at) {
    if (CRYPTO_memcmp(at->key->sha256.data(), digest.data(), digest.size()) == 0) found = at->key;
  }
  if (found == nullptr) return {Verdict::unknown, {}};
  return {Verdict::pass, found->name};
}

void ApiKeys::strip(Fields& fields) const { fields.remove_aliases(header()); }

}  // namespace weir
