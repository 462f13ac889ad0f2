// JSON, read and written by nlohmann's library, which is compiled in one place: a source that calls
// parse() or dump() itself carries all of it, four seconds of compiling.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace weir {

// Members stand as they were added.
using Json = nlohmann::ordered_json;

// A discarded value (is_discarded()) for what is not JSON.
Json parse_json(std::string_view text);

// On one line, or each member on one of its own, `indent` blanks deeper than what it is in. What is
// not UTF-8 stands as U+FFFD.
std::string dump_json(const Json& json);
std::string dump_json(const Json& json, int indent);

}  // namespace weir
