// What is said about the cache in an answer: Cache-Status (RFC 9211), for machines and for those
// who look closely, and one word in X-Cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::cache {

// Why a request went to the origin (RFC 9211 2.2).
enum class Forward : std::uint8_t {
  none,       // it did not
  bypass,     // configured not to handle it
  method,     // its method's semantics
  uri_miss,   // nothing is stored for its URI
  vary_miss,  // only other variants are
  request,    // what is stored would do, but the request forbade it
  stale,      // what is stored is not fresh
  partial,    // only part of it is stored, or asked for
};

struct CacheStatus {
  bool hit = false;
  Forward forward = Forward::none;
  std::uint16_t forward_status = 0;  // 0: the origin has not answered
  bool stored = false;
  bool collapsed = false;           // it waited for what another request fetched
  std::optional<std::int64_t> ttl;  // ms of freshness left, below 0: stale since
  std::string_view detail = {};     // a literal
};
// Appends one member: "weir; hit; ttl=376". Where an upstream cache said something already, its
// text comes first, and ours behind a comma (RFC 9211 2): `out` may hold it.
void append_cache_status(const CacheStatus& status, std::string& out);

// The word of X-Cache.
enum class Word : std::uint8_t {
  hit,          // stored, and fresh
  miss,         // from the origin; also methods that are never answered from the cache
  stale,        // stored and not fresh: the origin failed, or the client takes it (max-stale)
  revalidated,  // stored, and the origin said that it is still good
  updating,     // stored and not fresh, while it is fetched anew
  bypass,       // from the origin: the configuration or the request wanted it so
};
std::string_view word_text(Word word);  // "HIT"

}  // namespace weir::cache
