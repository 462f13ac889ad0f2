// Whether an answer may be stored (RFC 9111 3), and what is to be known of it then.
//
// Stricter than RFC 9111 in one point: an answer with Set-Cookie is stored only where it says
// public or s-maxage. Cookies are made for one client; frameworks set them where nobody asked.
// private="Set-Cookie" and no-cache="Set-Cookie" let it be stored too: then without, or hidden.
//
// Less strict in one: s-maxage forbids to serve stale answers (5.2.2.10), but where the answer has
// a stale-while-revalidate or stale-if-error of its own, its origin meant that. What the
// configuration allows is forbidden by it, and must-revalidate and no-cache forbid both.
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/facts.h"
#include "cache/freshness.h"
#include "cache/request_policy.h"
#include "cache/rules.h"

namespace weir::cache {

struct AnswerTimes {
  std::int64_t request = 0;   // when the request was sent to the origin
  std::int64_t response = 0;  // when the head of its answer came
};

struct Storing {
  bool stores = false;
  std::string_view why_not = {};  // a literal, for Cache-Status
  LifetimeFrom lifetime_from = LifetimeFrom::nothing;
  Facts facts{};
  ResponseCacheControl control{};  // views into the answer: write_field_block() needs it
};
// `no_store`: a text of that directive is neither empty nor "0". The answer is to the request as
// the plan has it; of a 304 it is what merge_not_modified() made.
Storing judge_answer(const RequestPlan& plan, const ResponseHead& answer, const Rules& rules,
                     const AnswerTimes& times, bool no_store);

}  // namespace weir::cache
