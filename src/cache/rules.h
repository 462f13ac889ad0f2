// Rules: one [cache] of the configuration, as the policy asks for it.
//
// The policy of the cache is pure: rules, heads and a time go in, a decision comes out. Where what:
//   request_policy.h  what a request allows: looked up, stored, asked for as a whole
//   key.h             the text an answer is stored under, and that of its variants (Vary)
//   reuse.h           what becomes of a stored answer that was found
//   storable.h        whether an answer may be stored, and what is to be known of it then
//   freshness.h       for how long it is fresh, and how old it is
//   field_block.h     its fields as bytes, and back
//   validation.h      asking whether it is still good, and what a 304 or a HEAD changes
//   invalidation.h    what an unsafe request makes doubtful
//   tags.h            surrogate keys and orders to purge
//   cache_status.h    what is said of all this in Cache-Status and X-Cache
// All times are milliseconds; points in time are of the wall clock since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store.h"
#include "conf/model.h"

namespace weir::cache {

struct Rules {
  struct StatusTtl {
    std::uint16_t status;
    std::int64_t ttl;
  };
  std::vector<StatusTtl> ttls;          // sorted by status
  std::optional<std::int64_t> any_ttl;  // of all other statuses
  std::optional<std::int64_t> default_ttl;
  std::int64_t stale_while_revalidate = 0;  // these two: where the answer does not say
  std::int64_t stale_if_error = 0;
  bool head = true;
  bool post = false;
  bool slices = false;                  // of large answers: a part brings slices into the store
  std::vector<std::string> key_fields;  // lower case

  // By `ttl =` alone; nullopt: it says nothing of this status.
  std::optional<std::int64_t> ttl_of(std::uint16_t status) const;
};
Rules rules_of(const conf::CacheConf& conf);
StoreSizes store_sizes(const conf::CacheConf& conf);

}  // namespace weir::cache
