// What a request allows the cache to do, before anything is looked up.
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/cache_status.h"
#include "cache/rules.h"
#include "http/cache_control.h"
#include "http/message.h"

namespace weir::cache {

// What the head alone does not tell.
struct RequestSigns {
  bool bypass = false;   // a text of `bypass` is neither empty nor "0"
  bool upgrade = false;  // it offers another protocol (Upgrade is no longer among the fields)
  bool has_body = false;
};

struct RequestPlan {
  bool looks_up = false;  // what is stored may answer it, as far as reuse.h agrees
  // Its answer may be stored, as far as storable.h agrees. Only then is there anything to join, and
  // what goes to the origin is first made to ask for the whole (ask_for_all).
  bool stores = false;
  // It asks for a part: of what is stored that is cut here, and so the whole of it is asked about.
  bool renews = false;
  bool keyed_by_body = false;       // a POST: append_body_key() must have its body first
  bool authorized = false;          // it has Authorization (RFC 9111 3.5), or Proxy-Authorization
  Forward forward = Forward::none;  // why it is not looked up
  std::string_view detail = {};     // the same for people; a literal
  RequestCacheControl control;      // only_if_cached: instead of the origin's, a 504 (5.2.1.7)
};
RequestPlan plan_request(const RequestHead& request, const Rules& rules, const RequestSigns& signs);

// The word of X-Cache for an answer that came from the origin without a stored one: a request that
// was refused the cache says BYPASS, a method that has none says MISS.
Word word_of_forwarded(const RequestPlan& plan);

// Before a request whose plan `stores` goes to the origin: without Range and the client's own
// conditions, so that the answer is the whole and can be stored. The client's are judged against
// it, by http/conditional.h and http/ranges.h.
void ask_for_all(Fields& request);

}  // namespace weir::cache
