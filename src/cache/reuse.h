// What becomes of a stored answer that was found for a request (RFC 9111 4).
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/cache_status.h"
#include "cache/facts.h"
#include "cache/request_policy.h"

namespace weir::cache {

enum class Reuse : std::uint8_t {
  fresh,                   // serve it
  stale,                   // serve it: the client takes stale ones (max-stale)
  stale_while_revalidate,  // serve it, and let one request ask the origin (RFC 5861 3)
  validate,                // ask the origin, with its validators if it has some
  unusable,                // not for this request: as if there were none
};

struct Verdict {
  Reuse reuse = Reuse::unusable;
  Forward forward = Forward::none;  // why it is not simply served
  std::string_view detail = {};     // a literal
  // If the origin can't be asked, or says 500, 502, 503 or 504: serve it (RFC 5861 4).
  bool stale_on_error = false;
  std::int64_t age = 0;
  std::int64_t ttl = 0;  // what is left; below 0: stale since
};
Verdict judge_stored(const Facts& facts, const RequestPlan& plan, bool soft_purged,
                     std::int64_t now);

// Why what is being fetched for another request is not for this one as well, which came meanwhile;
// a literal. Empty: it is.
std::string_view refuses_to_share(const Facts& facts, const RequestPlan& plan);

// Statuses that a stale answer may stand in for.
bool is_origin_error(std::uint16_t status);

}  // namespace weir::cache
