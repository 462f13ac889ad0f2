// For how long an answer is fresh (RFC 9111 4.2.1, 4.2.2), and how old it is (4.2.3).
#pragma once

#include <cstdint>

#include "cache/facts.h"
#include "cache/rules.h"
#include "http/cache_control.h"
#include "http/message.h"

namespace weir::cache {

// Who said so, the strongest first.
enum class LifetimeFrom : std::uint8_t {
  s_maxage,
  max_age,
  expires,
  ttl,          // `ttl =`, by status
  heuristic,    // a tenth of the time since Last-Modified, a day at most
  default_ttl,  // `default_ttl =`
  nothing,      // nobody: not to be stored
};
struct Lifetime {
  LifetimeFrom from = LifetimeFrom::nothing;
  std::int64_t ms = 0;
  bool is_explicit() const { return from <= LifetimeFrom::expires; }
};
// `control` as response_cache_control() gave it of the same fields.
Lifetime lifetime_of(const ResponseHead& answer, const ResponseCacheControl& control,
                     const Rules& rules, std::int64_t response_time);

// Statuses that may be kept without being told so (RFC 9110 15.1). 206 is never kept here.
bool is_heuristically_cacheable(std::uint16_t status);

// corrected_initial_age: never below 0, whatever the clocks say.
std::int64_t initial_age(const Fields& answer, std::int64_t request_time,
                         std::int64_t response_time);
// current_age. A wall clock that was set back makes nothing younger than it came.
std::int64_t current_age(const Facts& facts, std::int64_t now);
// For the Age field, in seconds (RFC 9111 5.1).
std::int64_t age_seconds(std::int64_t age);

}  // namespace weir::cache
