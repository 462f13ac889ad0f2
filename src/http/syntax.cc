#include "http/syntax.h"

#include "base/text.h"
#include "http/scan.h"

namespace weir {

bool is_token_char(char c) { return scan::token_table.is[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) {
  const char* const end = text.data() + text.size();
  return !text.empty() && scan::find_not_token(text.data(), end) == end;
}

bool is_sendable(std::string_view text) {
  const char* const end = text.data() + text.size();
  return scan::find_control(text.data(), end) == end;
}

bool is_field_value(std::string_view text) {
  return is_sendable(text) && trim(text).size() == text.size();
}

std::string_view ListItems::next() {
  while (!rest_.empty()) {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < rest_.size() && (quoted || rest_[at] != separator_); ++at) {
      if (rest_[at] == '"') quoted = !quoted;
      if (rest_[at] == '\\' && quoted && at + 1 < rest_.size()) ++at;
    }
    const std::string_view item = trim(rest_.substr(0, at));
    rest_.remove_prefix(at < rest_.size() ? at + 1 : at);
    if (!item.empty()) return item;
  }
  return {};
}

bool list_contains(std::string_view list, std::string_view token) {
  ListItems items(list);
  for (auto item = items.next(); !item.empty(); item = items.next()) {
    if (iequals(item, token)) return true;
  }
  return false;
}

void append_token_or_quoted(std::string_view text, std::string& out) {
  if (is_token(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

bool unquote(std::string_view quoted, std::string& out) {
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"') return false;
  quoted = quoted.substr(1, quoted.size() - 2);
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < quoted.size(); ++at) {
    const bool escape = quoted[at] == '\\';
    if (escape) ++at;
    if (at == quoted.size() || (!escape && quoted[at] == '"') || scan::is_control(quoted[at])) {
      out.resize(before);
      return false;
    }
    out += quoted[at];
  }
  return true;
}

}  // namespace weir
