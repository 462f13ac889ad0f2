#include "http/structured.h"

#include <algorithm>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::structured {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower(to_lower(c)); }

// Reads from the front of a text. Each read_ function is false at what is not what it reads, and
// leaves the place undefined then.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip(std::string_view blanks) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
  }

  bool read_key(std::string_view& out) {
    if (rest_.empty() || (!is_lower(rest_.front()) && rest_.front() != '*')) return false;
    out = take_while([](char c) {
      return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
    });
    return true;
  }

  bool read_member_value(Member& out) {
    if (!take('=')) {  // a key alone is true
      out.type = Type::boolean;
      out.truth = true;
      out.text = {};
      return read_parameters();
    }
    return !rest_.empty() && rest_.front() == '(' ? read_inner_list(out) : read_item(out);
  }

 private:
  template <class Is>
  std::string_view take_while(Is is) {
    std::size_t size = 0;
    while (size < rest_.size() && is(rest_[size])) ++size;
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }

  bool read_item(Member& out) { return read_bare_item(out) && read_parameters(); }

  bool read_bare_item(Member& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    if (c == '-' || is_digit(c)) return read_number(out);
    if (c == '"') return read_string(out);
    if (c == '?') return read_boolean(out);
    if (c == ':') return read_bytes(out);
    if (c != '*' && !is_alpha(c)) return false;
    out.type = Type::token;
    out.text = take_while([](char t) { return is_token_char(t) || t == ':' || t == '/'; });
    return true;
  }

  bool read_number(Member& out) {
    const std::string_view start = rest_;
    take('-');
    const std::size_t whole = take_while(is_digit).size();
    if (whole == 0 || whole > 15) return false;
    out.type = Type::integer;
    if (take('.')) {
      const std::size_t fraction = take_while(is_digit).size();
      if (fraction == 0 || fraction > 3 || whole > 12) return false;
      out.type = Type::decimal;
    }
    out.text = start.substr(0, start.size() - rest_.size());
    return true;
  }

  bool read_string(Member& out) {
    rest_.remove_prefix(1);
    for (std::size_t at = 0; at < rest_.size(); ++at) {
      const char c = rest_[at];
      if (c == '"') {
        out.type = Type::string;
        out.text = rest_.substr(0, at);
        rest_.remove_prefix(at + 1);
        return true;
      }
      if (c < 0x20 || c > 0x7e) return false;
      if (c != '\\') continue;
      ++at;
      if (at == rest_.size() || (rest_[at] != '"' && rest_[at] != '\\')) return false;
    }
    return false;
  }

  bool read_boolean(Member& out) {
    rest_.remove_prefix(1);
    out.type = Type::boolean;
    out.truth = !rest_.empty() && rest_.front() == '1';
    return take('0') || take('1');
  }

  bool read_bytes(Member& out) {
    rest_.remove_prefix(1);
    out.type = Type::bytes;
    out.text = take_while(
        [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
    return take(':');
  }

  bool read_inner_list(Member& out) {
    rest_.remove_prefix(1);
    out.type = Type::inner_list;
    while (true) {
      skip(" ");
      if (take(')')) return read_parameters();
      Member item;
      if (!read_item(item)) return false;
      if (rest_.empty() || (rest_.front() != ' ' && rest_.front() != ')')) return false;
    }
  }

  bool read_parameters() {
    while (take(';')) {
      skip(" ");
      std::string_view key;
      if (!read_key(key)) return false;
      Member value;
      if (take('=') && !read_bare_item(value)) return false;
    }
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool Dictionary::put(const Member& member) {
  const auto end = members_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto known = std::find_if(members_.begin(), end,
                                  [&](const Member& other) { return other.key == member.key; });
  if (known != end) {
    *known = member;
    return true;
  }
  if (count_ == members_max) return false;
  members_[count_++] = member;
  return true;
}

bool Dictionary::parse(std::string_view line) {
  Parser parser(line);
  parser.skip(" ");
  while (!parser.at_end()) {
    Member member;
    if (!parser.read_key(member.key) || !parser.read_member_value(member) || !put(member)) {
      return false;
    }
    parser.skip(" \t");
    if (parser.at_end()) return true;
    if (!parser.take(',')) return false;
    parser.skip(" \t");
    if (parser.at_end()) return false;  // a comma at the end
  }
  return true;
}

}  // namespace weir::structured
