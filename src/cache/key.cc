#include "cache/key.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::cache {
namespace {

constexpr std::size_t vary_names_max = 16;

// Fields that are lists for certain: blanks around the commas and empty elements mean nothing.
bool is_list(std::string_view name) { return name == "accept" || name.starts_with("accept-"); }

// Lists of names that mean the same in any case (RFC 9110 8.3.2, 12.5.4).
bool is_any_case(std::string_view name) {
  return name == "accept-language" || name == "accept-charset";
}

// One line, behind the others. What is no list for certain stays as it is.
void append_line(std::string_view value, std::string_view name, std::string& out, bool& first) {
  if (!is_list(name)) {
    if (!first) out += ", ";
    first = false;
    out += value;
    return;
  }
  ListItems items(value);
  for (auto item = items.next(); !item.empty(); item = items.next()) {
    if (!first) out += ',';
    first = false;
    out += is_any_case(name) ? lower(item) : std::string(item);
  }
}

// All lines of the field; "-" where there is none, which is something else than an empty one.
void append_value(const Fields& request, std::string_view name, std::string& out) {
  const FieldId id = field_id(name);
  if (id != FieldId::other && !request.has(id)) {
    out += '-';
    return;
  }
  bool found = false, first = true;
  for (const Field& field : request) {
    const bool same =
        id == FieldId::other ? field.id == id && same_field(field.name, name) : field.id == id;
    if (!same) continue;
    if (!found) out += '=';
    found = true;
    append_line(field.value, name, out, first);
  }
  if (!found) out += '-';
}

// --- Accept-Encoding ---

struct Coding {
  std::string_view name, alias;
};
// In the order in which they stand in a key.
constexpr Coding codings[] = {
    {"br", {}},   {"compress", "x-compress"}, {"deflate", {}}, {"gzip", "x-gzip"},
    {"zstd", {}}, {"identity", {}},           {"*", {}}};
enum class Accepted : std::uint8_t { unsaid, no, yes };

// A weight of 0 in any spelling: "0", "0.", "0.000".
bool is_zero_weight(std::string_view item) {
  const std::size_t semicolon = item.find(';');
  if (semicolon == item.npos) return false;
  std::string_view weight = trim(item.substr(semicolon + 1));
  if (weight.size() < 3 || to_lower(weight[0]) != 'q' || weight[1] != '=') return false;
  weight.remove_prefix(2);
  return weight.find_first_not_of("0.") == weight.npos;
}

// Which codings a client takes decides what it may get; how much it likes each is not worth a
// variant. Of codings that nobody knows the origin is not asked either: the text does not matter.
void append_codings(const Fields& request, std::string& out) {
  if (!request.has(FieldId::accept_encoding)) {
    out += '-';
    return;
  }
  std::array<Accepted, std::size(codings)> accepted{};
  std::string unknown;
  for (const Field& field : request) {
    if (field.id != FieldId::accept_encoding) continue;
    ListItems items(field.value);
    for (auto item = items.next(); !item.empty(); item = items.next()) {
      const std::string_view name = trim(item.substr(0, item.find(';')));
      const auto known =
          std::find_if(std::begin(codings), std::end(codings), [name](const Coding& coding) {
            return iequals(name, coding.name) ||
                   (!coding.alias.empty() && iequals(name, coding.alias));
          });
      if (known == std::end(codings)) {
        if (!is_zero_weight(item)) unknown += ',' + lower(name);
        continue;
      }
      accepted[static_cast<std::size_t>(known - std::begin(codings))] =
          is_zero_weight(item) ? Accepted::no : Accepted::yes;
    }
  }
  out += '=';
  // "identity" is accepted unless it is refused: only the refusal is told (RFC 9110 12.5.3). A
  // refusal of another matters beside "*" alone.
  constexpr std::size_t identity = 5, any = 6;
  const bool star = accepted[any] == Accepted::yes;
  bool first = true;
  for (std::size_t at = 0; at < std::size(codings); ++at) {
    const bool refused = accepted[at] == Accepted::no;
    const bool told = at == identity ? refused
                      : at == any    ? accepted[at] != Accepted::unsaid
                                     : accepted[at] == Accepted::yes || (refused && star);
    if (!told) continue;
    if (!first) out += ',';
    first = false;
    if (refused) out += '!';
    out += codings[at].name;
  }
  out += unknown;
}

}  // namespace

void append_port(std::uint16_t port, std::string& key) {
  if (port == 0) return;
  key += " :";  // no URI has a blank
  key += std::to_string(port);
}

void append_key_fields(const Fields& request, const Rules& rules, std::string& key) {
  for (const std::string& name : rules.key_fields) {
    key += key_mark;
    key += name;
    append_value(request, name, key);
  }
}

void append_body_key(std::span<const std::uint8_t> hash, std::string& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  key += key_mark;
  key += '#';
  for (const std::uint8_t byte : hash) {
    key += digits[byte >> 4];
    key += digits[byte & 15];
  }
}

Varies vary_names(const Fields& answer, std::string& out) {
  if (!answer.has(FieldId::vary)) return Varies::no;
  std::array<std::string, vary_names_max> names;
  std::size_t count = 0;
  for (const Field& field : answer) {
    if (field.id != FieldId::vary) continue;
    ListItems items(field.value);
    for (auto item = items.next(); !item.empty(); item = items.next()) {
      std::string name = lower(item);
      if (name == "*" || !is_token(name)) return Varies::unusable;
      const auto end = names.begin() + static_cast<std::ptrdiff_t>(count);
      if (std::find(names.begin(), end, name) != end) continue;
      if (count == vary_names_max) return Varies::unusable;
      names[count++] = std::move(name);
    }
  }
  if (count == 0) return Varies::no;
  std::sort(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count));
  for (std::size_t at = 0; at < count; ++at) {
    if (at > 0) out += ',';
    out += names[at];
  }
  return Varies::by_fields;
}

void append_variant_key(std::string_view names, const Fields& request, std::string& key) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, comma);
    names.remove_prefix(std::min(comma + 1, names.size()));
    key += key_mark;
    key += '?';
    key += name;
    if (field_id(name) == FieldId::accept_encoding)
      append_codings(request, key);
    else
      append_value(request, name, key);
  }
}

void append_copy_key(std::string_view coding, std::uint64_t body_word, std::string& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  key.append(1, key_mark).append(1, '=').append(coding).append(1, '.');
  for (int shift = 60; shift >= 0; shift -= 4) key.push_back(digits[body_word >> shift & 15]);
}

}  // namespace weir::cache
