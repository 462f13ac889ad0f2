// Stored answers that prove themselves: what the cache's kill points and torture store and demand.
//
// The body under a key depends on the key and a version, which the fields say; so any byte from
// elsewhere is seen.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/text.h"
#include "cache/store.h"

namespace weir::fault {

inline std::uint64_t word_at(std::uint64_t seed, std::uint64_t word) {
  return mix64(seed + word * 0x9e3779b97f4a7c15U);
}

struct Proof {
  std::uint64_t seed = 0, bytes = 0;

  static Proof of(std::string_view key, std::uint64_t version, std::uint64_t bytes) {
    return {hash64(key) ^ mix64(version), bytes};
  }
  // From the fields "VERSION BYTES anything"; an impossible one when they say nothing.
  static Proof of(std::string_view key, std::string_view fields) {
    const auto part = split(fields, ' ');
    if (part.size() < 2) return {0, ~std::uint64_t{0}};
    return of(key, parse_decimal(part[0]).value_or(0), parse_decimal(part[1]).value_or(0));
  }
  std::string body() const {
    std::string text((bytes + 7) / 8 * 8, '\0');
    for (std::uint64_t at = 0; at < text.size(); at += 8) {
      const std::uint64_t word = word_at(seed, at / 8);
      std::memcpy(text.data() + at, &word, 8);
    }
    text.resize(bytes);
    return text;
  }
  bool has(std::uint64_t at, std::string_view part) const {
    if (at + part.size() > bytes) return false;
    for (std::size_t i = 0; i < part.size();) {
      const std::uint64_t word = word_at(seed, (at + i) / 8);
      const std::size_t in_word = (at + i) % 8;
      const std::size_t count = std::min(part.size() - i, 8 - in_word);
      if (std::memcmp(part.data() + i, reinterpret_cast<const char*>(&word) + in_word, count) !=
          0) {
        return false;
      }
      i += count;
    }
    return true;
  }
};

enum class Verdict : std::uint8_t { whole, cut, wrong };

// All of what a Reader gives, against what its fields say.
inline Verdict prove(std::string_view key, cache::Reader& reader) {
  const Proof proof = Proof::of(key, reader.fields());
  std::uint64_t at = 0;
  for (;;) {
    const std::string_view part = reader.read(at);
    if (part.empty()) break;
    if (!proof.has(at, part)) return Verdict::wrong;
    at += part.size();
  }
  if (reader.damaged() || reader.progress() != cache::Reader::Progress::complete) {
    return Verdict::cut;
  }
  return at == proof.bytes && reader.length() == at ? Verdict::whole : Verdict::wrong;
}

inline cache::Facts facts_now() {
  cache::Facts facts;
  facts.status = 200;
  facts.response_time = 4'000'000'000'000;
  facts.lifetime = 1'000'000;
  return facts;
}

// False: it could not be stored.
inline bool fill_proof(cache::Fill& fill, std::string_view key, std::uint64_t version,
                       std::uint64_t bytes, bool length_known,
                       std::span<const std::uint64_t> tags = {}) {
  const Proof proof = Proof::of(key, version, bytes);
  const std::string body = proof.body();
  const std::string fields = fmt::format("{} {} x", version, bytes);
  if (!fill.begin(facts_now(), fields, length_known ? std::optional(bytes) : std::nullopt, tags)) {
    return false;
  }
  for (std::size_t at = 0; at < body.size(); at += 16'384) {
    if (!fill.append(std::string_view(body).substr(at, 16'384))) return false;
  }
  return fill.commit();
}

inline void keep_all_house(cache::Store& store) {
  for (int turn = 0; turn < 100'000 && store.keep_house(1); ++turn) {
  }
}

inline void demand_sound(const cache::Store& store) {
  for (const std::string& violation : store.check()) CHECK_MESSAGE(false, violation);
  CHECK(store.stats().segments_pinned == 0);
}

// Once nothing is stored any more all of the memory can be had again.
inline void demand_all_memory(cache::Store& store) {
  store.purge_all(false);
  keep_all_house(store);
  CHECK(store.stats().entries == 0);
  CHECK(store.stats().bytes_used == 0);
  struct Nobody final : cache::FollowerOwner {
    void on_fill_news(cache::Follower&) override {}
  } nobody;
  const cache::StoreStats before = store.stats();
  const std::uint64_t bytes = before.bytes_max / before.entries_max * 5 / 4;
  const std::uint64_t rounds = before.bytes_max / bytes * 3 / 2;
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::string key = fmt::format("again {}", i);
    cache::Joined joined = store.join(store.key(key), nobody);
    refused += !joined.fill || !fill_proof(joined.fill, key, i, bytes, true);
  }
  CHECK(refused == 0);
  CHECK(store.stats().no_room == before.no_room);
  CHECK(store.stats().bytes_used > store.stats().bytes_max * 3 / 4);
  demand_sound(store);
}

}  // namespace weir::fault
