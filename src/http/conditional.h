// Preconditions (RFC 9110 13): entity-tags, and what If-Match, If-None-Match, If-Modified-Since,
// If-Unmodified-Since and If-Range say of a representation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace weir {

// Points in time are milliseconds of the wall clock since 1970.

struct EntityTag {
  std::string_view opaque;  // with its quotes
  bool weak = false;
  bool operator==(const EntityTag&) const = default;
};
// Exactly one entity-tag (RFC 9110 8.8.3), nullopt for anything else.
std::optional<EntityTag> parse_entity_tag(std::string_view text);
bool strongly_equal(const EntityTag& a, const EntityTag& b);  // RFC 9110 8.8.3.2
bool weakly_equal(const EntityTag& a, const EntityTag& b);

// What is known of the representation that a request would get.
struct Validators {
  std::optional<EntityTag> etag;
  std::optional<std::int64_t> last_modified;
  std::optional<std::int64_t> date;
};
Validators validators_of(const Fields& answer, std::int64_t now);

enum class Precondition : std::uint8_t {
  none,          // the request has no condition that applies: as usual
  holds,         // as usual
  not_modified,  // 304, for GET and HEAD alone
  failed,        // 412
};
// In the order of RFC 9110 13.2.2. To be asked only where the answer would be 2xx. A cache passes
// requests with If-Match or If-Unmodified-Since on (RFC 9111 4.3.2): see cache/request_policy.h.
Precondition evaluate(const RequestHead& request, const Validators& stored, std::int64_t now);

// Whether its If-None-Match has exactly this tag, weak or strong as it is.
bool asks_about(const RequestHead& request, const EntityTag& tag);

// Whether the Range of a GET applies: it has one, and its If-Range, if any, matches strongly (RFC
// 9110 13.1.5). The value of Range itself is for http/ranges.h.
bool range_applies(const RequestHead& request, const Validators& stored, std::int64_t now);

// From the fields of a 304 or a HEAD: a Date, Expires or Last-Modified; nullopt: absent, several,
// or none that can be read.
std::optional<std::int64_t> date_field(const Fields& fields, FieldId id, std::int64_t now);

}  // namespace weir
