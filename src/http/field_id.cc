#include "http/field_id.h"

#include <array>

#include "base/text.h"
#include "base/words.h"

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

}  // namespace weir
