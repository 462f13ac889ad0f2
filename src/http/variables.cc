#include "http/variables.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace weir {
namespace {

constexpr Variable rows[] = {
#define VARIABLE(id, name, told_by, doc) {VariableId::id, name, ToldBy::told_by, doc},
#include "http/variables.def"
#undef VARIABLE
};

constexpr bool is_prefix(const Variable& row) { return row.name.back() == '_'; }

}  // namespace

std::span<const Variable> variables() { return rows; }

// A location's path and the request decide what is captured.
ToldBy told_by(VariableId id) {
  if (id == VariableId::capture) return ToldBy::request;
  return rows[static_cast<std::size_t>(id) - 1].told_by;
}

std::optional<VariableRef> find_variable(std::string_view name) {
  if (name.size() == 1 && name[0] >= '1' && name[0] <= '9')
    return VariableRef{VariableId::capture, static_cast<std::uint8_t>(name[0] - '0')};
  const Variable* prefix = nullptr;
  for (const Variable& row : rows) {
    if (!is_prefix(row)) {
      if (row.name == name) return VariableRef{row.id};
    } else if (name.starts_with(row.name) && name.size() > row.name.size()) {
      prefix = &row;
    }
  }
  if (prefix == nullptr) return std::nullopt;
  return VariableRef{prefix->id, 0, name.substr(prefix->name.size())};
}

std::string_view nearest_variable(std::string_view name) {
  const std::string wanted = lower(name);
  std::string_view best;
  std::size_t least = wanted.size() / 3 + 1;  // beyond that it is another word
  for (const Variable& row : rows) {
    const std::size_t distance = edit_distance(wanted, row.name);
    if (distance < least || (distance == least && best.empty())) {
      least = distance;
      best = row.name;
    }
  }
  return best;
}

}  // namespace weir
