// How values are written into logs and documents, so that no value can end a line or a string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// `log` is nginx's default: '"', '\' and all but printable ASCII as \xHH. `json`: the inside of a
// JSON string; bytes that are not UTF-8 as \u00HH, so that the document stays one.
enum class Escape : std::uint8_t { none, log, json };

bool needs_escape(std::string_view text, Escape escape);

// Appends to `out`; `text` may not be a view into it.
void append_escaped(std::string_view text, Escape escape, std::string& out);

}  // namespace weir
