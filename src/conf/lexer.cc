#include "conf/lexer.h"

namespace weir::conf {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

char unescape(char c) {
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '"':
    case '\\': return c;
    default: return '\0';
  }
}

class Lexer {
 public:
  Lexer(std::string_view text, std::uint32_t column) : text_(text), column_(column) {}

  LexError run(std::vector<Word>& out) {
    for (;;) {
      while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
      if (at_ == text_.size()) return {};
      Word word{{}, column(), text_[at_] == '"'};
      const LexError error = word.quoted ? quoted_part(word) : plain_word(word);
      if (!error.what.empty()) return error;
      out.push_back(std::move(word));
    }
  }

 private:
  std::uint32_t column() const { return column_ + static_cast<std::uint32_t>(at_); }
  LexError error(std::string_view what, std::string_view hint = {}) const {
    return {column(), what, hint};
  }

  LexError plain_word(Word& word) {
    if (text_[at_] == '\'') return error("single quotes do not quote", "use double quotes");
    if (text_[at_] == '#' || text_[at_] == ';') {
      return error("a comment after a value",
                   "a comment owns its line; put the word in double quotes if it is one");
    }
    for (; at_ < text_.size() && !is_blank(text_[at_]); ++at_) {
      if (text_[at_] == '"') {
        if (word.text.find('=') != word.text.size() - 1) {
          return error("a quote inside a word", "quote the whole word and write \\\" for a quote");
        }
        word.quoted = true;
        return quoted_part(word);
      }
      word.text += text_[at_];
    }
    if (word.text.ends_with(';')) {
      --at_;
      return error("a directive does not end in ';'",
                   "remove it, or put the word in double quotes");
    }
    return {};
  }

  LexError quoted_part(Word& word) {
    const std::size_t open = at_++;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        word.text += text_[at_];
        continue;
      }
      const char c = at_ + 1 < text_.size() ? unescape(text_[at_ + 1]) : '\0';
      if (c == '\0') return error("unknown escape", R"(\" \\ \n \t and \r are known)");
      word.text += c;
      ++at_;
    }
    if (at_ == text_.size()) {
      at_ = open;
      return error("the quote is not closed");
    }
    ++at_;
    if (at_ < text_.size() && !is_blank(text_[at_])) return error("a blank must follow the quote");
    return {};
  }

  std::string_view text_;
  std::uint32_t column_;
  std::size_t at_ = 0;
};

}  // namespace

LexError lex(std::string_view value, std::uint32_t column, std::vector<Word>& out) {
  return Lexer(value, column).run(out);
}

std::string quoted(std::string_view word) {
  const bool plain = !word.empty() && word.find_first_of(" \t\n\r\"") == word.npos &&
                     word.find_first_of("'#;") != 0 && !word.ends_with(';');
  if (plain) return std::string(word);
  std::string out = "\"";
  for (const char c : word) {
    switch (c) {
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
  return out + '"';
}

}  // namespace weir::conf
