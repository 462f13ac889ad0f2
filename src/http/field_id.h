// The names of fields that weir knows, and what it knows of each: http/field_names.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

enum class FieldId : std::uint8_t {
  other,
#define FIELD(id, name, properties) id,
#include "http/field_names.def"
#undef FIELD
  count_
};
inline constexpr std::size_t field_ids = static_cast<std::size_t>(FieldId::count_);

// What a name may do on its way; a bit set per row of the table.
namespace field_property {
inline constexpr std::uint8_t one_hop = 1;        // always removed (RFC 9110 7.6.1)
inline constexpr std::uint8_t framing = 2;        // written by us alone, never forwarded
inline constexpr std::uint8_t keep_request = 4;   // a request's Connection may not name it
inline constexpr std::uint8_t keep_response = 8;  // a response's Connection may not name it
inline constexpr std::uint8_t keep_both = keep_request | keep_response;
inline constexpr std::uint8_t identity = 16;  // who the client is: believed only from trusted peers
inline constexpr std::uint8_t no_trailer = 32;  // not allowed in a trailer section

inline constexpr std::uint8_t of[field_ids] = {
    0,
#define FIELD(id, name, properties) properties,
#include "http/field_names.def"
#undef FIELD
};
}  // namespace field_property

FieldId field_id(std::string_view name);            // `other` when not in the table
std::string_view field_name(FieldId id);            // as we write it; empty for `other`
inline std::uint8_t field_properties(FieldId id) {  // 0 for `other`
  return field_property::of[static_cast<std::size_t>(id)];
}
bool same_field(std::string_view a, std::string_view b);  // equal but for ASCII case

// The row of a name in which '_' counts as '-': CGI-like origins cannot tell such names apart.
FieldId field_id_of_alias(std::string_view name);
// Equal but for ASCII case and '_' against '-'.
bool alias_of(std::string_view name, std::string_view other);
// X-Forwarded-For, -Host, -User and whatever else, with '_' for '-' too: ours alone to say.
bool is_forwarded_name(std::string_view name);

}  // namespace weir
