// The small grammar all fields share (RFC 9110 5.6): tokens, quoted strings, lists, parameters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

bool is_token_char(char c);
bool is_token(std::string_view text);        // at least one byte, all of them token characters
bool is_field_value(std::string_view text);  // no control byte but tab; no blank at either end
bool is_sendable(std::string_view text);     // no control byte but tab: can't split a message

// The elements of a comma-separated list field value; commas inside quoted strings do not count,
// empty elements are passed over (RFC 9110 5.6.1.2), blanks around elements are trimmed.
//   ListItems items(value); while (!(item = items.next()).empty()) ...     empty at the end
class ListItems {
 public:
  explicit ListItems(std::string_view value, char separator = ',')
      : rest_(value), separator_(separator) {}
  std::string_view next();

 private:
  std::string_view rest_;
  char separator_;
};

bool list_contains(std::string_view list, std::string_view token);  // without case, whole elements

// Appends `text` as a token where it is one, else as a quoted string.
void append_token_or_quoted(std::string_view text, std::string& out);

// The text inside a quoted string; false when `quoted` is not one. Appends to `out`.
bool unquote(std::string_view quoted, std::string& out);

}  // namespace weir
