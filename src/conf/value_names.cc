// Values that are names: servers of an upstream, virtual hosts, API keys.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/api_keys.h"
#include "conf/directive.h"
#include "conf/value.h"

namespace weir::conf {

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') return false;
  char before = '\0';
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
    if (!letter && c != '-' && c != '_' && c != '.') return false;
    if (c == '.' && before == '.') return false;
    before = c;
  }
  return true;
}

namespace {

bool add_server_name(Value& value, const Word& word, std::vector<ServerName>& out) {
  std::string text = lower(word.text);
  if (text.ends_with('.')) text.pop_back();
  if (text.starts_with('~')) return value.not_built(word, "a regex");
  if (text.ends_with(".*")) return value.not_built(word, "a wildcard at the end");
  const bool wildcard = text.starts_with("*.");
  const bool both = text.starts_with('.');  // nginx: the domain and all below it
  const std::string_view name = std::string_view(text).substr(wildcard ? 2 : both ? 1 : 0);
  const bool ip = name.starts_with('[') && name.ends_with(']') &&
                  Address::parse_ip(name.substr(1, name.size() - 2)).has_value();
  if (!is_host_name(name) && !(ip && !wildcard && !both)) {
    return value.bad(word, fmt::format("\"{}\" is not a name", word.text),
                     text.find('*') != text.npos   ? "a '*' stands alone before the first dot"
                     : text.find(':') != text.npos ? "a name has no port"
                                                   : "");
  }
  if (wildcard) {
    out.push_back({true, '.' + std::string(name), value.where()});
  } else {
    out.push_back({false, std::string(name), value.where()});
    if (both) out.push_back({true, text, value.where()});
  }
  return true;
}

}  // namespace

bool parse_item(Value& value, std::vector<ServerName>& out) {
  constexpr std::size_t names_max = 1024;
  if (!value.has_words(1, names_max)) return false;
  for (const Word& word : value.words()) {
    if (!add_server_name(value, word, out)) return false;
  }
  return true;
}

bool parse_item(Value& value, std::vector<ApiKey>& out) {
  if (!value.has_words(2, 2)) return false;
  ApiKey parsed;
  const std::string_view problem = parse_api_key(value.first().text, value.words()[1].text, parsed);
  // Neither text nor line is shown: it may be the key itself.
  if (!problem.empty()) {
    return value.bad_secret(std::string(problem), std::string(api_key_hint));
  }
  parsed.where = value.where();
  out.push_back(std::move(parsed));
  return true;
}

std::string print_value(const ServerName& value) {
  return value.wildcard ? "*" + value.text : value.text;
}

std::string print_value(const ApiKey& value) { return value.name + " sha256:********"; }

}  // namespace weir::conf
