// The words of a value: separated by blanks; in double quotes where a word has blanks or escapes.
//
// A quote may open a word or stand right after its first '=' (option="two words"). Inside quotes
// the escapes are \" \\ \n \t \r and nothing else; outside a backslash is itself, so that a regex
// needs no doubling. nginx's habits that would silently mean something else here are errors: a ';'
// at the end, an inline comment, single quotes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::conf {

struct Word {
  std::string text;
  std::uint32_t column = 0;  // in the line, from 1
  bool quoted = false;
};

struct LexError {
  std::uint32_t column = 0;
  std::string_view what;  // empty: no error
  std::string_view hint;
};

// Appends the words of `value`, whose first byte stands in column `column`.
LexError lex(std::string_view value, std::uint32_t column, std::vector<Word>& out);

// A word as it must be written so that lex() gives it back.
std::string quoted(std::string_view word);

}  // namespace weir::conf
