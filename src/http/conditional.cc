#include "http/conditional.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "http/date.h"
#include "http/syntax.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now) {
  const auto time = parse_http_date(
      text, system_clock::time_point(
                std::chrono::duration_cast<system_clock::duration>(milliseconds(now))));
  if (!time) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(time->time_since_epoch()).count();
}

// etagc: visible but for the quote, and all beyond ASCII (RFC 9110 8.8.3).
bool is_etag_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

// Takes one entity-tag off the front of `text`. A comma may stand inside of its quotes, and a
// backslash has no meaning there: this is not a quoted string.
std::optional<EntityTag> take_entity_tag(std::string_view& text) {
  const bool weak = text.starts_with("W/");
  const std::string_view from = text.substr(weak ? 2 : 0);
  if (!from.starts_with('"')) return std::nullopt;
  std::size_t at = 1;
  while (at < from.size() && is_etag_char(from[at])) ++at;
  if (at == from.size() || from[at] != '"') return std::nullopt;
  text = from.substr(at + 1);
  return EntityTag{from.substr(0, at + 1), weak};
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

// Whether a list of entity-tags in the fields `id` has one that equals `tag`. A list that is broken
// ends where it breaks: what stood before counts.
bool any_equals(const Fields& request, FieldId id, const EntityTag& tag,
                bool (*equal)(const EntityTag&, const EntityTag&)) {
  for (const Field& field : request) {
    if (field.id != id) continue;
    std::string_view rest = field.value;
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t,"), rest.size()));
      const auto item = take_entity_tag(rest);
      if (!item) break;
      skip_blanks(rest);
      if (!rest.empty() && rest.front() != ',') break;
      if (equal(*item, tag)) return true;
    }
  }
  return false;
}

bool is_star(const Fields& request, FieldId id) {
  return request.count(id) == 1 && trim(request.value(id)) == "*";
}

bool reads(Method method) { return method == Method::get || method == Method::head; }

// RFC 9110 13.1.1: a strong comparison.
bool if_match_holds(const Fields& request, const Validators& stored) {
  if (is_star(request, FieldId::if_match)) return true;
  return stored.etag && any_equals(request, FieldId::if_match, *stored.etag, strongly_equal);
}

// RFC 9110 13.1.2: a weak comparison; true where the condition is false.
bool if_none_match_fails(const Fields& request, const Validators& stored) {
  if (is_star(request, FieldId::if_none_match)) return true;
  return stored.etag && any_equals(request, FieldId::if_none_match, *stored.etag, weakly_equal);
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  text = trim(text);
  const auto tag = take_entity_tag(text);
  return text.empty() ? tag : std::nullopt;
}

bool strongly_equal(const EntityTag& a, const EntityTag& b) {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}

bool weakly_equal(const EntityTag& a, const EntityTag& b) { return a.opaque == b.opaque; }

std::optional<std::int64_t> date_field(const Fields& fields, FieldId id, std::int64_t now) {
  if (fields.count(id) != 1) return std::nullopt;
  return parse_date(fields.value(id), now);
}

Validators validators_of(const Fields& answer, std::int64_t now) {
  Validators out;
  if (answer.count(FieldId::etag) == 1) out.etag = parse_entity_tag(answer.value(FieldId::etag));
  out.last_modified = date_field(answer, FieldId::last_modified, now);
  out.date = date_field(answer, FieldId::date, now);
  return out;
}

Precondition evaluate(const RequestHead& request, const Validators& stored, std::int64_t now) {
  const Fields& fields = request.fields;
  auto out = Precondition::none;
  // Steps 1 and 2.
  if (fields.has(FieldId::if_match)) {
    if (!if_match_holds(fields, stored)) return Precondition::failed;
    out = Precondition::holds;
  } else if (stored.last_modified) {
    // A date that can't be read is no condition (RFC 9110 13.1.4).
    const auto date = date_field(fields, FieldId::if_unmodified_since, now);
    if (date && *stored.last_modified > *date) return Precondition::failed;
    if (date) out = Precondition::holds;
  }
  // Steps 3 and 4.
  if (fields.has(FieldId::if_none_match)) {
    if (!if_none_match_fails(fields, stored)) return Precondition::holds;
    return reads(request.method) ? Precondition::not_modified : Precondition::failed;
  }
  if (!reads(request.method)) return out;
  const auto since = date_field(fields, FieldId::if_modified_since, now);
  // Without Last-Modified, the Date of the stored answer stands for it (RFC 9111 4.3.2).
  const auto modified = stored.last_modified ? stored.last_modified : stored.date;
  if (!since || !modified) return out;
  return *modified <= *since ? Precondition::not_modified : Precondition::holds;
}

bool asks_about(const RequestHead& request, const EntityTag& tag) {
  return any_equals(request.fields, FieldId::if_none_match, tag,
                    [](const EntityTag& a, const EntityTag& b) { return a == b; });
}

bool range_applies(const RequestHead& request, const Validators& stored, std::int64_t now) {
  if (request.method != Method::get || request.fields.count(FieldId::range) != 1) return false;
  if (!request.fields.has(FieldId::if_range)) return true;
  if (request.fields.count(FieldId::if_range) != 1) return false;
  const std::string_view value = request.fields.value(FieldId::if_range);
  if (const auto tag = parse_entity_tag(value)) {
    return stored.etag && strongly_equal(*tag, *stored.etag);
  }
  // A date is a strong validator only where the answer was made later (RFC 9110 8.8.2.2), and must
  // be the very same.
  const auto date = parse_date(value, now);
  constexpr std::int64_t second = 1000;
  return date && stored.last_modified && stored.date && *date == *stored.last_modified &&
         *stored.date >= *stored.last_modified + second;
}

}  // namespace weir
