// Facts: what the cache knows of a stored answer besides its fields and its body. Plain data: it
// stands in shared memory as it is, written once. All times are milliseconds; points in time are of
// the wall clock since 1970.
#pragma once

#include <cstdint>
#include <type_traits>

namespace weir::cache {

// Bits of Facts::flags.
namespace fact {
inline constexpr std::uint16_t validate_always = 1;  // no-cache: never without asking the origin
inline constexpr std::uint16_t never_stale = 2;      // must-revalidate, proxy-revalidate, s-maxage
inline constexpr std::uint16_t immutable = 4;        // RFC 8246
inline constexpr std::uint16_t strong_etag = 8;      // parts of it may be joined (RFC 9110 8.8.1)
inline constexpr std::uint16_t has_validator = 16;   // an ETag or a Last-Modified
inline constexpr std::uint16_t heuristic = 32;       // the lifetime is a guess (RFC 9111 4.2.2)
inline constexpr std::uint16_t hides_fields = 64;    // no-cache="field": not without validation
inline constexpr std::uint16_t shared = 128;         // public, s-maxage, must-revalidate: also for
                                                     // requests with Authorization (RFC 9111 3.5)
inline constexpr std::uint16_t sliced = 256;         // its body is a map of slices, not the body
inline constexpr std::uint16_t copy = 512;  // the body of another entry in a content coding
}  // namespace fact

struct Facts {
  std::uint16_t status = 0;
  std::uint16_t flags = 0;
  std::uint32_t level = 0;         // of a copy: what it was compressed with
  std::int64_t response_time = 0;  // when the head of the answer came
  std::int64_t initial_age = 0;    // corrected_initial_age (RFC 9111 4.2.3)
  std::int64_t lifetime = 0;       // freshness_lifetime (RFC 9111 4.2.1); 0: stale from the start
  std::int64_t stale_while_revalidate = 0;  // beyond the lifetime (RFC 5861 3)
  std::int64_t stale_if_error = 0;          // beyond the lifetime (RFC 5861 4)
  std::int64_t date = -1;                   // Date of the answer, -1: it had none
  std::int64_t last_modified = -1;  // Last-Modified, -1: it had none or none that can be read
};
static_assert(std::is_standard_layout_v<Facts> && std::is_trivially_copyable_v<Facts>);
static_assert(sizeof(Facts) == 64);

}  // namespace weir::cache
