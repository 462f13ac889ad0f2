#include "cache/tags.h"

#include <algorithm>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::cache {
namespace {

constexpr std::string_view soft_field = "X-Purge-Soft";

}  // namespace

void Tags::add(std::string_view tag) {
  const auto end = tags_.begin() + static_cast<std::ptrdiff_t>(count_);
  if (tag.empty() || std::find(tags_.begin(), end, tag) != end) return;
  if (count_ == tags_max || tag.size() > tag_bytes_max) {
    too_many_ = true;
    return;
  }
  tags_[count_++] = tag;
}

Tags tags_of(const Fields& fields) {
  Tags out;
  if (!fields.has(FieldId::surrogate_key) && !fields.has(FieldId::cache_tag)) return out;
  for (const Field& field : fields) {
    const bool by_comma = field.id == FieldId::cache_tag;
    if (field.id != FieldId::surrogate_key && !by_comma) continue;
    std::string_view rest = field.value;
    const std::string_view separators = by_comma ? "," : " \t";
    while (!rest.empty() && !out.too_many()) {
      const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
      out.add(trim(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

void remove_tag_fields(Fields& answer) {
  answer.remove(FieldId::surrogate_key);
  answer.remove(FieldId::cache_tag);
}

std::optional<PurgeOrder> purge_order(const RequestHead& request) {
  PurgeOrder out;
  const Field* soft = request.fields.find(soft_field);
  out.soft = soft != nullptr && trim(soft->value) == "1";
  out.tags = tags_of(request.fields);
  if (out.tags.too_many()) return std::nullopt;
  if (!out.tags.all().empty()) {
    out.kind = PurgeOrder::Kind::tags;
    return out;
  }
  out.request_uri = request.request_uri;
  if (out.request_uri.ends_with('*')) {
    out.kind = PurgeOrder::Kind::prefix;
    out.request_uri.remove_suffix(1);
  }
  return out;
}

}  // namespace weir::cache
