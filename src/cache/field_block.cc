#include "cache/field_block.h"

#include <cstdint>
#include <cstring>

namespace weir::cache {
namespace {

// The ids of the table of names are bytes in a block: another table, another layout (FNV-1a).
constexpr std::uint32_t layout_of_names() {
  std::uint32_t hash = 2166136261U;
  const auto add = [&hash](std::string_view name) {
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    hash = (hash ^ 0xffU) * 16777619U;
  };
#define FIELD(id, name, properties) add(name);
#include "http/field_names.def"
#undef FIELD
  return hash;
}

constexpr std::uint32_t magic = 0x31424657;  // "WFB1"
constexpr std::uint32_t layout = layout_of_names();
constexpr std::size_t fields_max = 0xffff;
constexpr std::size_t name_bytes_max = 0xffff;
constexpr std::size_t value_bytes_max = std::size_t{1} << 24;
constexpr std::uint8_t hidden = 1;  // not without validation

struct BlockHead {
  std::uint32_t magic_number, layout_number;
  std::uint16_t fields, reason_bytes;
};
static_assert(sizeof(BlockHead) == 12);
struct FieldHead {
  std::uint8_t id, flags;
  std::uint16_t name_bytes;
  std::uint32_t value_bytes;
};
static_assert(sizeof(FieldHead) == 8);
static_assert(field_ids <= 256);

// Takes from the front of a block; false where it ends too early.
template <class T>
bool take(std::string_view& rest, T& out) {
  if (rest.size() < sizeof(T)) return false;
  std::memcpy(&out, rest.data(), sizeof(T));
  rest.remove_prefix(sizeof(T));
  return true;
}
bool take(std::string_view& rest, std::size_t bytes, std::string_view& out) {
  if (rest.size() < bytes) return false;
  out = rest.substr(0, bytes);
  rest.remove_prefix(bytes);
  return true;
}

template <class T>
void append(const T& value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// `field` without its name where the id says it.
void append_field(const Field& field, std::uint8_t flags, std::string& out) {
  append(FieldHead{static_cast<std::uint8_t>(field.id), flags,
                   static_cast<std::uint16_t>(field.name.size()),
                   static_cast<std::uint32_t>(field.value.size())},
         out);
  out.append(field.name).append(field.value);
}

bool read_fields(std::string_view rest, bool validated, ResponseHead& out) {
  BlockHead head{};
  if (!take(rest, head) || head.magic_number != magic || head.layout_number != layout) return false;
  if (!take(rest, head.reason_bytes, out.reason)) return false;
  for (std::uint16_t left = head.fields; left > 0; --left) {
    FieldHead field{};
    std::string_view name, value;
    if (!take(rest, field) || field.id >= field_ids) return false;
    const auto id = static_cast<FieldId>(field.id);
    if ((id == FieldId::other) == (field.name_bytes == 0)) return false;
    if (!take(rest, field.name_bytes, name) || !take(rest, field.value_bytes, value)) return false;
    if ((field.flags & hidden) != 0 && !validated) continue;
    out.fields.add(id, id == FieldId::other ? name : field_name(id), value);
  }
  return rest.empty();
}

}  // namespace

bool is_stored_field(FieldId id) {
  switch (id) {
    case FieldId::age:            // computed anew
    case FieldId::surrogate_key:  // kept beside the block
    case FieldId::cache_tag:
    case FieldId::cache_status:  // what an upstream cache did then
    case FieldId::x_cache:
    case FieldId::proxy_authenticate:  // RFC 9111 3.1
    case FieldId::proxy_authorization: return false;
    default:
      return (field_properties(id) & (field_property::one_hop | field_property::framing)) == 0;
  }
}

bool write_field_block(const ResponseHead& answer, const ResponseCacheControl& control,
                       std::string& out, std::string_view date) {
  const std::size_t start = out.size();
  BlockHead head{magic, layout, 0, 0};
  if (answer.reason.size() > name_bytes_max) return false;
  head.reason_bytes = static_cast<std::uint16_t>(answer.reason.size());
  append(head, out);
  out += answer.reason;
  const bool lists = !control.private_fields.empty() || !control.no_cache_fields.empty();
  if (!date.empty() && !answer.fields.has(FieldId::date)) {
    append_field({FieldId::date, {}, date}, 0, out);
    ++head.fields;
  }
  for (const Field& field : answer.fields) {
    if (!is_stored_field(field.id)) continue;
    if (field.id == FieldId::other && same_field(field.name, "proxy-authentication-info"))
      continue;  // RFC 9111 3.1
    if (lists && control.private_fields.has(field.name)) continue;
    const bool known = field.id != FieldId::other;
    const std::string_view name = known ? std::string_view() : field.name;
    if (name.size() > name_bytes_max || field.value.size() > value_bytes_max ||
        (!known && name.empty()) || head.fields == fields_max) {
      return false;
    }
    const bool hides = lists && control.no_cache_fields.has(field.name);
    append_field({field.id, name, field.value}, hides ? hidden : std::uint8_t{0}, out);
    ++head.fields;
  }
  std::memcpy(out.data() + start, &head, sizeof head);
  return true;
}

bool read_field_block(std::string_view block, bool validated, ResponseHead& out) {
  out.clear();
  if (read_fields(block, validated, out)) return true;
  out.clear();
  return false;
}

}  // namespace weir::cache
