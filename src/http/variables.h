// The names that may stand behind '$' in a template. One table (http/variables.def): the
// configuration refuses other names, the manual prints the rows, the proxy gives the values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir {

enum class VariableId : std::uint8_t {
  capture,  // $1 to $9: a group of the regular expression that matched
#define VARIABLE(id, name, told_by, doc) id,
#include "http/variables.def"
#undef VARIABLE
};

enum class ToldBy : std::uint8_t { request, other };  // what decides the value

struct Variable {
  VariableId id;
  std::string_view name;  // ends in '_': a prefix
  ToldBy told_by;
  std::string_view doc;
};
std::span<const Variable> variables();  // sorted by name, without the captures
ToldBy told_by(VariableId id);

// One use of a variable in a template.
struct VariableRef {
  VariableId id;
  std::uint8_t capture = 0;   // 1 to 9 with VariableId::capture
  std::string_view suffix{};  // what follows a prefix: "foo" of $arg_foo, "user-agent" of
                              // $http_user_agent ('_' is '-' already where it names a field)
};

// A longer exact name wins over a prefix ($http_host is a row of its own). nullopt: unknown.
// The suffix is as written.
std::optional<VariableRef> find_variable(std::string_view name);

// The row nearest to a misspelt name, empty when none is near: "did you mean".
std::string_view nearest_variable(std::string_view name);

}  // namespace weir
