#include "cache/reuse.h"

#include <algorithm>

#include "cache/freshness.h"

namespace weir::cache {
namespace {

constexpr std::int64_t second = 1000;

// Whether the request takes what is stored, were it fresh; else why not.
std::string_view refused_by(const RequestCacheControl& control, std::int64_t age,
                            std::int64_t ttl) {
  if (control.no_cache) return "no-cache of the request";
  // Not in whole seconds: max-age=0 means "now".
  if (control.max_age && (*control.max_age == 0 || age > *control.max_age * second)) {
    return "max-age of the request";
  }
  if (control.min_fresh && ttl < *control.min_fresh * second) return "min-fresh of the request";
  return {};
}

}  // namespace

Verdict judge_stored(const Facts& facts, const RequestPlan& plan, bool soft_purged,
                     std::int64_t now) {
  const auto has = [&facts](std::uint16_t flag) { return (facts.flags & flag) != 0; };
  Verdict out;
  out.age = current_age(facts, now);
  out.ttl = facts.lifetime - out.age;
  if (soft_purged) out.ttl = std::min<std::int64_t>(out.ttl, 0);
  const auto decide = [&out](Reuse reuse, Forward forward, std::string_view detail) {
    out.reuse = reuse;
    out.forward = forward;
    out.detail = detail;
    return out;
  };
  // What was made for nobody in particular may be something else than what this one would get; it
  // serves only where its origin says that it is for all.
  if (plan.authorized && !has(fact::shared)) {
    return decide(Reuse::unusable, Forward::request, "authorization");
  }
  const std::int64_t stale_since = -out.ttl;
  out.stale_on_error = facts.stale_if_error > 0 && stale_since <= facts.stale_if_error;

  const bool fresh = out.ttl > 0 && !has(fact::validate_always);
  if (const auto why = refused_by(plan.control, out.age, out.ttl); !why.empty()) {
    return decide(Reuse::validate, fresh ? Forward::request : Forward::stale, why);
  }
  if (fresh) return decide(Reuse::fresh, Forward::none, {});
  if (has(fact::validate_always)) return decide(Reuse::validate, Forward::stale, "no-cache");
  if (stale_since < facts.stale_while_revalidate) {
    return decide(Reuse::stale_while_revalidate, Forward::stale, {});
  }
  const bool client_takes_stale = plan.control.max_stale && !has(fact::never_stale) &&
                                  !soft_purged && stale_since <= *plan.control.max_stale * second;
  if (client_takes_stale) return decide(Reuse::stale, Forward::stale, "max-stale");
  return decide(Reuse::validate, Forward::stale, soft_purged ? "purged" : "");
}

// It comes while the request waits for it, so how old it is by the numbers does not count. What
// counts is who may have it: where each is to be asked for the answer to one is none to another
// (RFC 9111 5.2.2.4; a lifetime of 0 says the same, 4.2.4), and for those with credentials see
// above.
std::string_view refuses_to_share(const Facts& facts, const RequestPlan& plan) {
  const auto has = [&facts](std::uint16_t flag) { return (facts.flags & flag) != 0; };
  if (has(fact::validate_always)) return "no-cache";
  if (facts.lifetime == 0 && facts.stale_while_revalidate == 0 && !has(fact::heuristic))
    return "stale at once";
  if (plan.authorized && !has(fact::shared)) return "authorization";
  return {};
}

bool is_origin_error(std::uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

}  // namespace weir::cache
