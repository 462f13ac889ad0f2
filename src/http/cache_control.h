// Cache-Control of requests and of answers (RFC 9111 5.2), CDN-Cache-Control (RFC 9213), and
// Pragma (RFC 9111 5.4).
//
// What is unclear is read in the way that stores less and asks the origin more: of a directive that
// stands twice the stricter value counts, a time that is none is 0, and a list of fields that can't
// be read is the directive without a list. Unknown directives are passed over.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"

namespace weir {

// What more seconds are read as (RFC 9111 1.2.2).
inline constexpr std::int64_t delta_seconds_max = std::int64_t{1} << 31;
// nullopt: not a number of seconds. No sign, no blank, no fraction.
std::optional<std::int64_t> parse_delta_seconds(std::string_view text);

struct RequestCacheControl {
  bool no_cache = false;  // also Pragma: no-cache, where there is no Cache-Control
  bool no_store = false;
  bool only_if_cached = false;
  // Seconds. max_stale without a value is delta_seconds_max: any.
  std::optional<std::int64_t> max_age, min_fresh, max_stale;
  bool operator==(const RequestCacheControl&) const = default;
};
RequestCacheControl request_cache_control(const Fields& request);

// The lists of no-cache="..." or private="...": views into the fields of the answer.
class NamedFields {
 public:
  bool add(std::string_view list);  // false: no room
  bool empty() const { return count_ == 0; }
  bool has(std::string_view name) const;

 private:
  static constexpr std::size_t lists_max = 4;
  std::array<std::string_view, lists_max> lists_;
  std::uint8_t count_ = 0;
};

struct ResponseCacheControl {
  bool no_cache = false;  // without a list
  bool no_store = false;
  bool private_ = false;  // without a list
  bool public_ = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;  // the same to a proxy, but that it permits nothing (5.2.2.8)
  bool must_understand = false;
  bool immutable = false;                                              // RFC 8246
  bool targeted = false;                                               // said by CDN-Cache-Control
  std::optional<std::int64_t> max_age, s_maxage;                       // seconds
  std::optional<std::int64_t> stale_while_revalidate, stale_if_error;  // RFC 5861
  NamedFields no_cache_fields;  // not to be reused without validation
  NamedFields private_fields;   // not to be stored

  bool revalidates() const { return must_revalidate || proxy_revalidate; }
};
// A CDN-Cache-Control that is a dictionary and not empty stands in for Cache-Control (and for
// Expires: see `targeted`); one that is broken counts for nothing (RFC 9213 2.2).
ResponseCacheControl response_cache_control(const Fields& answer);

}  // namespace weir
