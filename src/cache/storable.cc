#include "cache/storable.h"

#include <algorithm>

#include "cache/key.h"
#include "cache/tags.h"
#include "http/conditional.h"
#include "http/status.h"

namespace weir::cache {
namespace {

constexpr std::int64_t second = 1000;

bool is_understood(std::uint16_t status) { return reason_phrase(status) != "Unknown"; }

// no-store does not count where must-understand is beside it and the status is understood (RFC 9111
// 5.2.2.3).
std::string_view refuses_by_status(const ResponseHead& answer,
                                   const ResponseCacheControl& control) {
  if (is_informational(answer.status) || answer.status == 304) return "status";
  // Parts are not joined: only the whole is kept.
  if (answer.status == 206 || answer.fields.has(FieldId::content_range)) return "partial";
  if (control.must_understand && !is_understood(answer.status)) return "must-understand";
  if (control.no_store && !control.must_understand) return "no-store";
  return {};
}

bool sets_shared_cookie(const ResponseHead& answer, const ResponseCacheControl& control) {
  if (!answer.fields.has(FieldId::set_cookie)) return false;
  return !control.private_fields.has("Set-Cookie") && !control.no_cache_fields.has("Set-Cookie");
}

std::string_view refuses(const RequestPlan& plan, const ResponseHead& answer,
                         const ResponseCacheControl& control) {
  if (const auto why = refuses_by_status(answer, control); !why.empty()) return why;
  if (control.private_) return "private";
  // RFC 9111 3.5.
  const bool shared = control.public_ || control.s_maxage;
  if (plan.authorized && !shared && !control.must_revalidate) return "authorization";
  if (sets_shared_cookie(answer, control) && !shared) return "set-cookie";
  std::string names;
  if (vary_names(answer.fields, names) == Varies::unusable) return "vary";
  if (tags_of(answer.fields).too_many()) return "tags";
  return {};
}

void add_validators(const Fields& fields, std::int64_t now, Facts& facts) {
  const Validators validators = validators_of(fields, now);
  if (validators.etag || validators.last_modified) facts.flags |= fact::has_validator;
  if (validators.etag && !validators.etag->weak) facts.flags |= fact::strong_etag;
  facts.date = validators.date.value_or(-1);
  facts.last_modified = validators.last_modified.value_or(-1);
}

void add_control(const ResponseCacheControl& control, Facts& facts) {
  const bool shared = control.public_ || control.s_maxage || control.must_revalidate;
  if (control.no_cache) facts.flags |= fact::validate_always;
  if (control.revalidates() || control.s_maxage) facts.flags |= fact::never_stale;
  if (control.immutable) facts.flags |= fact::immutable;
  if (!control.no_cache_fields.empty()) facts.flags |= fact::hides_fields;
  if (shared) facts.flags |= fact::shared;
}

std::int64_t window(const std::optional<std::int64_t>& said, const ResponseCacheControl& control,
                    std::int64_t configured) {
  if (control.revalidates() || control.no_cache) return 0;
  if (said) return *said * second;
  return control.s_maxage ? 0 : configured;
}

// Nothing could ever be done with it: stale at once, not to be served stale, nothing to ask the
// origin with.
bool is_useless(const Facts& facts) {
  const bool fresh =
      facts.lifetime > facts.initial_age && (facts.flags & fact::validate_always) == 0;
  const bool stale = facts.stale_while_revalidate > 0 || facts.stale_if_error > 0;
  return !fresh && !stale && (facts.flags & fact::has_validator) == 0;
}

}  // namespace

Storing judge_answer(const RequestPlan& plan, const ResponseHead& answer, const Rules& rules,
                     const AnswerTimes& times, bool no_store) {
  Storing out;
  const auto refuse = [&out](std::string_view why) {
    out.why_not = why;
    return out;
  };
  if (!plan.stores) return refuse(plan.control.no_store ? "no-store of the request" : "request");
  if (no_store) return refuse("no_store");
  out.control = response_cache_control(answer.fields);
  const ResponseCacheControl& control = out.control;
  if (const auto why = refuses(plan, answer, control); !why.empty()) return refuse(why);

  Facts& facts = out.facts;
  facts.status = answer.status;
  facts.response_time = times.response;
  facts.initial_age = initial_age(answer.fields, times.request, times.response);
  add_validators(answer.fields, times.response, facts);
  add_control(control, facts);
  const Lifetime lifetime = lifetime_of(answer, control, rules, times.response);
  out.lifetime_from = lifetime.from;
  if (lifetime.from == LifetimeFrom::nothing) {
    // no-cache says how it may be kept: to be asked for each time.
    const bool asked_each_time = control.no_cache && is_heuristically_cacheable(answer.status);
    if (!asked_each_time) return refuse("no lifetime");
  }
  // RFC 9110 9.3.3: what says nothing of it was no answer to a question.
  if (plan.keyed_by_body && !lifetime.is_explicit()) return refuse("no lifetime of its own");
  if (lifetime.from == LifetimeFrom::heuristic) facts.flags |= fact::heuristic;
  facts.lifetime = lifetime.ms;
  facts.stale_while_revalidate =
      window(control.stale_while_revalidate, control, rules.stale_while_revalidate);
  facts.stale_if_error = window(control.stale_if_error, control, rules.stale_if_error);
  if (is_useless(facts)) return refuse("stale at once");
  out.stores = true;
  return out;
}

}  // namespace weir::cache
