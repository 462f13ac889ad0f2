#include "cache/validation.h"

#include "cache/field_block.h"
#include "cache/request_policy.h"
#include "http/conditional.h"

namespace weir::cache {
namespace {

// What a 304 may say anew (RFC 9111 3.2).
bool is_updated(FieldId id) {
  switch (id) {
    case FieldId::content_length:
    case FieldId::content_encoding:
    case FieldId::content_range:
    case FieldId::set_cookie: return false;
    case FieldId::age: return true;  // not stored, but what the new age is made from
    default: return is_stored_field(id);
  }
}

bool says(const Fields& fields, const Field& wanted) {
  if (wanted.id != FieldId::other) return fields.has(wanted.id);
  return fields.find(wanted.name) != nullptr;
}

}  // namespace

bool add_conditions(const ResponseHead& stored, Fields& request) {
  ask_for_all(request);
  const Fields& fields = stored.fields;
  bool added = false;
  if (fields.count(FieldId::etag) == 1 && parse_entity_tag(fields.value(FieldId::etag))) {
    request.add(FieldId::if_none_match, fields.value(FieldId::etag));
    added = true;
  }
  if (fields.count(FieldId::last_modified) == 1 && date_field(fields, FieldId::last_modified, 0)) {
    request.add(FieldId::if_modified_since, fields.value(FieldId::last_modified));
    added = true;
  }
  return added;
}

bool selects(const ResponseHead& stored, const ResponseHead& not_modified, std::int64_t now) {
  const Validators ours = validators_of(stored.fields, now);
  const Validators theirs = validators_of(not_modified.fields, now);
  if (theirs.etag) {
    if (!ours.etag) return false;
    return theirs.etag->weak ? weakly_equal(*ours.etag, *theirs.etag)
                             : strongly_equal(*ours.etag, *theirs.etag);
  }
  // Without any it can only speak of the one that it was asked about.
  return !theirs.last_modified || theirs.last_modified == ours.last_modified;
}

void merge_not_modified(const ResponseHead& stored, const ResponseHead& not_modified,
                        ResponseHead& out) {
  out.clear();
  out.version = stored.version;
  out.status = stored.status;
  out.reason = stored.reason;
  for (const Field& field : stored.fields) {
    if (!is_updated(field.id) || !says(not_modified.fields, field)) out.fields.add(field);
  }
  for (const Field& field : not_modified.fields) {
    if (is_updated(field.id)) out.fields.add(field);
  }
}

HeadEffect effect_of_head(const ResponseHead& stored, std::optional<std::uint64_t> stored_length,
                          const ResponseHead& answer, std::optional<std::uint64_t> content_length,
                          std::int64_t now) {
  if (answer.status != 200 || stored.status != 200) return HeadEffect::none;
  const Validators ours = validators_of(stored.fields, now);
  const Validators theirs = validators_of(answer.fields, now);
  if (content_length && stored_length && *content_length != *stored_length) {
    return HeadEffect::invalidates;
  }
  if (theirs.etag && (!ours.etag || !(*theirs.etag == *ours.etag))) return HeadEffect::invalidates;
  if (theirs.last_modified && theirs.last_modified != ours.last_modified) {
    return HeadEffect::invalidates;
  }
  return theirs.etag || theirs.last_modified ? HeadEffect::freshens : HeadEffect::none;
}

}  // namespace weir::cache
