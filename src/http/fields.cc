#include "http/fields.h"

#include <algorithm>
#include <cassert>

namespace weir {

void Fields::add(FieldId id, std::string_view value) {
  assert(id != FieldId::other && id != FieldId::count_);
  add(id, field_name(id), value);
}
void Fields::add(std::string_view name, std::string_view value) {
  add(field_id(name), name, value);
}

void Fields::set(FieldId id, std::string_view value) {
  assert(id != FieldId::other && id != FieldId::count_);
  set(id, field_name(id), value);
}
void Fields::set(std::string_view name, std::string_view value) {
  set(field_id(name), name, value);
}
void Fields::set(FieldId id, std::string_view name, std::string_view value) {
  const auto same = [&](const Field& field) {
    return field.id == id && (id != FieldId::other || same_field(field.name, name));
  };
  const auto first = has(id) ? std::find_if(list_.begin(), list_.end(), same) : list_.end();
  if (first == list_.end()) return add(id, name, value);
  *first = {id, name, value};
  list_.erase(std::remove_if(first + 1, list_.end(), same), list_.end());
}

const Field* Fields::find(FieldId id) const {
  if (!has(id)) return nullptr;
  for (const Field& field : list_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}
const Field* Fields::find(std::string_view name) const {
  const FieldId id = field_id(name);
  if (id != FieldId::other || !has(id)) return find(id);
  for (const Field& field : list_) {
    if (field.id == id && same_field(field.name, name)) return &field;
  }
  return nullptr;
}
std::string_view Fields::value(FieldId id) const {
  const Field* const field = find(id);
  return field == nullptr ? std::string_view{} : field->value;
}
std::size_t Fields::count(FieldId id) const {
  std::size_t found = 0;
  if (has(id)) {
    for (const Field& field : list_) found += field.id == id ? 1U : 0U;
  }
  return found;
}

std::size_t Fields::remove(FieldId id) {
  if (!has(id)) return 0;
  return remove_if([id](const Field& field) { return field.id == id; });
}
std::size_t Fields::remove(std::string_view name) {
  const FieldId id = field_id(name);
  if (id != FieldId::other) return remove(id);
  if (!has(id)) return 0;
  return remove_if(
      [&](const Field& field) { return field.id == id && same_field(field.name, name); });
}
std::size_t Fields::remove_aliases(std::string_view name) {
  return remove_if([&](const Field& field) { return alias_of(field.name, name); });
}

void Fields::clear() {
  list_.clear();
  seen_[0] = seen_[1] = 0;
}

}  // namespace weir
