#include "cache/freshness.h"

#include <algorithm>

#include "base/text.h"
#include "http/conditional.h"

namespace weir::cache {
namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t heuristic_max = 24 * 3600 * second;

// Expires minus Date; one that is no date, or several of them, is in the past (RFC 9111 5.3).
std::int64_t expires_lifetime(const Fields& answer, std::int64_t date, std::int64_t now) {
  const auto expires = date_field(answer, FieldId::expires, now);
  return expires ? std::max<std::int64_t>(*expires - date, 0) : 0;
}

}  // namespace

bool is_heuristically_cacheable(std::uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501: return true;
    default: return false;
  }
}

namespace {

// Less than what a cache may keep by itself: these three a client brings about at will, and others
// would get them.
bool is_kept_by_default(std::uint16_t status) {
  return is_heuristically_cacheable(status) && status != 405 && status != 414 && status != 501;
}

}  // namespace

Lifetime lifetime_of(const ResponseHead& answer, const ResponseCacheControl& control,
                     const Rules& rules, std::int64_t response_time) {
  const Fields& fields = answer.fields;
  if (control.s_maxage) return {LifetimeFrom::s_maxage, *control.s_maxage * second};
  if (control.max_age) return {LifetimeFrom::max_age, *control.max_age * second};
  const std::int64_t date =
      date_field(fields, FieldId::date, response_time).value_or(response_time);
  // CDN-Cache-Control stands in for Expires too (RFC 9213 2.2).
  if (fields.has(FieldId::expires) && !control.targeted) {
    return {LifetimeFrom::expires, expires_lifetime(fields, date, response_time)};
  }
  if (const auto ttl = rules.ttl_of(answer.status)) {
    return *ttl > 0 ? Lifetime{LifetimeFrom::ttl, *ttl} : Lifetime{};
  }
  if (!is_heuristically_cacheable(answer.status) && !control.public_) return {};
  if (const auto modified = date_field(fields, FieldId::last_modified, response_time)) {
    const std::int64_t tenth = std::max<std::int64_t>(date - *modified, 0) / 10;
    return {LifetimeFrom::heuristic, std::min(tenth, heuristic_max)};
  }
  if (rules.default_ttl && (is_kept_by_default(answer.status) || control.public_))
    return {LifetimeFrom::default_ttl, *rules.default_ttl};
  return {};
}

std::int64_t initial_age(const Fields& answer, std::int64_t request_time,
                         std::int64_t response_time) {
  const auto date = date_field(answer, FieldId::date, response_time);
  // In whole seconds, as Date is: else every answer would be up to a second old when it comes.
  const std::int64_t came = response_time / second * second;
  const std::int64_t apparent = date ? std::max<std::int64_t>(came - *date, 0) : 0;
  std::int64_t said = 0;
  if (answer.has(FieldId::age)) {
    // Of a list or several lines the first counts; what is no number does not (RFC 9111 5.1).
    const std::string_view value = answer.value(FieldId::age);
    said = parse_delta_seconds(trim(value.substr(0, value.find(',')))).value_or(0) * second;
  }
  const std::int64_t delay = std::max<std::int64_t>(response_time - request_time, 0);
  return std::max(apparent, said + delay);
}

std::int64_t current_age(const Facts& facts, std::int64_t now) {
  return facts.initial_age + std::max<std::int64_t>(now - facts.response_time, 0);
}

std::int64_t age_seconds(std::int64_t age) {
  return std::clamp<std::int64_t>(age / second, 0, delta_seconds_max);
}

}  // namespace weir::cache
