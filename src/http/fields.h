// Fields: the header (or trailer) fields of one message, in the order received. One type for
// HTTP/1 and HTTP/2.
//
// Names and values are views: into the head buffer, the exchange's Arena, or literals. Fields owns
// none of the text and keeps its capacity, so a reused head allocates nothing. A name that is known
// (http/field_id.h) has its FieldId from the moment it is added; finding it compares one byte per
// field, and asking for one that is absent costs nothing. Names compare without ASCII case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/field_id.h"

namespace weir {

struct Field {
  FieldId id;
  std::string_view name;
  std::string_view value;
};

class Fields {
 public:
  using const_iterator = std::vector<Field>::const_iterator;

  void add(FieldId id, std::string_view value);  // not `other`
  void add(std::string_view name, std::string_view value);
  void add(const Field& field) { add(field.id, field.name, field.value); }
  // With the id already known: what parsers call.
  void add(FieldId id, std::string_view name, std::string_view value) {
    Field& field = list_.emplace_back();  // filled in place: a copy would wait for its own stores
    field.id = id;
    field.name = name;
    field.value = value;
    seen_[word(id)] |= bit(id);
  }

  // Replaces the first field of that name, removes the rest; adds it when there is none.
  void set(FieldId id, std::string_view value);
  void set(std::string_view name, std::string_view value);

  const Field* find(FieldId id) const;  // the first one, nullptr when absent
  const Field* find(std::string_view name) const;
  std::string_view value(FieldId id) const;  // of the first one, empty when absent
  std::size_t count(FieldId id) const;
  bool has(FieldId id) const { return (seen_[word(id)] & bit(id)) != 0; }

  std::size_t remove(FieldId id);  // how many were removed
  std::size_t remove(std::string_view name);
  std::size_t remove_aliases(std::string_view name);  // all alias_of(name)
  template <class Predicate>
  std::size_t remove_if(Predicate predicate);

  void clear();
  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  const Field& operator[](std::size_t at) const { return list_[at]; }
  const_iterator begin() const { return list_.begin(); }
  const_iterator end() const { return list_.end(); }

 private:
  void set(FieldId id, std::string_view name, std::string_view value);
  static std::size_t word(FieldId id) { return static_cast<std::size_t>(id) / 64; }
  static std::uint64_t bit(FieldId id) {
    return std::uint64_t{1} << (static_cast<std::size_t>(id) % 64);
  }

  std::vector<Field> list_;
  std::uint64_t seen_[2] = {0, 0};  // which ids are in list_; `other` is bit 0
  static_assert(field_ids <= 128);
};

template <class Predicate>
std::size_t Fields::remove_if(Predicate predicate) {
  std::size_t kept = 0;
  std::uint64_t seen[2] = {0, 0};
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const Field& field = list_[i];
    if (predicate(field)) continue;
    seen[word(field.id)] |= bit(field.id);
    if (kept != i) list_[kept] = field;
    ++kept;
  }
  const std::size_t removed = list_.size() - kept;
  list_.resize(kept);
  seen_[0] = seen[0];
  seen_[1] = seen[1];
  return removed;
}

}  // namespace weir
