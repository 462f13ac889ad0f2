#include "http/fields.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view names[] = {
    "",
#define FIELD(id, name, properties) name,
#include "http/field_names.def"
#undef FIELD
};
static_assert(std::size(names) == field_ids);

constexpr std::size_t name_bytes_max = [] {
  std::size_t most = 0;
  for (const auto name : names) most = name.size() > most ? name.size() : most;
  return most;
}();

// Names in lower case, for comparison eight bytes at a time.
struct LowerName {
  char text[(name_bytes_max + 7) / 8 * 8] = {};
};
constexpr auto lower_names = [] {
  std::array<LowerName, field_ids> out{};
  for (std::size_t i = 0; i < field_ids; ++i) {
    for (std::size_t j = 0; j < names[i].size(); ++j) out[i].text[j] = to_lower(names[i][j]);
  }
  return out;
}();

// A hash of length and three bytes tells the names of the table apart well enough: at most a few
// probes, of which all but one fail on the length or the first eight bytes.
constexpr std::size_t hash(std::string_view name) {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(name[at]) | 0x20);
  };
  return (name.size() * 7 + byte(0) * 31 + byte(name.size() / 2) * 13 +
          byte(name.size() - 1) * 57) %
         512;
}
constexpr auto index_table = [] {
  std::array<FieldId, 512> table{};
  for (std::size_t i = 1; i < field_ids; ++i) {
    std::size_t at = hash(names[i]);
    while (table[at] != FieldId::other) at = (at + 1) % table.size();
    table[at] = static_cast<FieldId>(i);
  }
  return table;
}();

template <class Word>
Word word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// `lower` is in lower case and made of letters, digits and '-'. Exact: nothing but the upper case
// of a letter is taken for it. The case bit may differ where `lower` has a letter: where 0x40 is
// set.
template <class Word>
bool same_word(const char* name, const char* lower) {
  constexpr auto forties = static_cast<Word>(0x4040404040404040);
  const Word wanted = word_at<Word>(lower);
  const Word case_bits = (wanted & forties) >> 1;
  return ((word_at<Word>(name) ^ wanted) & ~case_bits) == 0;
}

// By words, of which the last two may overlap.
bool equals_lower(std::string_view name, const char* lower) {
  const auto by = [&]<class Word>(Word) {
    for (std::size_t at = 0; at + sizeof(Word) <= name.size(); at += sizeof(Word)) {
      if (!same_word<Word>(name.data() + at, lower + at)) return false;
    }
    const std::size_t last = name.size() - sizeof(Word);
    return same_word<Word>(name.data() + last, lower + last);
  };
  if (name.size() >= 8) return by(std::uint64_t{});
  if (name.size() >= 4) return by(std::uint32_t{});
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (to_lower(name[at]) != lower[at]) return false;
  }
  return true;
}

constexpr char dashed(char c) { return c == '_' ? '-' : to_lower(c); }

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max) return FieldId::other;
  for (std::size_t at = hash(name); index_table[at] != FieldId::other;
       at = (at + 1) % index_table.size()) {
    const auto row = static_cast<std::size_t>(index_table[at]);
    if (names[row].size() == name.size() && equals_lower(name, lower_names[row].text))
      return index_table[at];
  }
  return FieldId::other;
}

FieldId field_id_of_alias(std::string_view name) {
  if (name.size() > name_bytes_max) return FieldId::other;
  char text[name_bytes_max];
  for (std::size_t i = 0; i < name.size(); ++i) text[i] = dashed(name[i]);
  return field_id({text, name.size()});
}

std::string_view field_name(FieldId id) { return names[static_cast<std::size_t>(id)]; }

bool same_field(std::string_view a, std::string_view b) { return iequals(a, b); }

bool alias_of(std::string_view name, std::string_view other) {
  if (name.size() != other.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (dashed(name[i]) != dashed(other[i])) return false;
  }
  return true;
}

bool is_forwarded_name(std::string_view name) {
  constexpr std::string_view prefix = "x-forwarded-";
  return name.size() >= prefix.size() && alias_of(name.substr(0, prefix.size()), prefix);
}

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
  bool found = false;
  if (has(id)) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < list_.size(); ++i) {
      const bool same =
          list_[i].id == id && (id != FieldId::other || same_field(list_[i].name, name));
      if (same && found) continue;
      if (same) list_[i] = {id, name, value};
      found = found || same;
      list_[kept++] = list_[i];
    }
    list_.resize(kept);
  }
  if (!found) add(id, name, value);
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
