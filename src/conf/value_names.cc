// Values that are names: servers of an upstream, virtual hosts, API keys.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/api_keys.h"
#include "conf/directive.h"
#include "conf/value.h"

namespace weir::conf {
namespace {

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

bool parse_ports(std::string_view text, ServerLine& out) {
  const std::size_t dash = text.find('-');
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_decimal(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last > 65535 || *first > *last) return false;
  out.port_first = static_cast<std::uint16_t>(*first);
  out.port_last = static_cast<std::uint16_t>(*last);
  return true;
}

bool unix_server(Value& value, const Word& word, ServerLine& out) {
  const std::string_view path = std::string_view(word.text).substr(5);
  if (path.empty()) return value.bad(word, "a Unix socket needs a path");
  out.host = path.starts_with('@') ? std::string(path) : relative_to_prefix(path, value.prefix());
  const auto parsed = Address::parse("unix:" + out.host);
  if (!parsed) return value.bad(word, std::string(parsed.error().what));
  return true;
}

// ADDRESS[:PORT[-PORT]], [IPV6][:PORT[-PORT]], NAME[:PORT[-PORT]], unix:PATH.
bool parse_server(Value& value, const Word& word, ServerLine& out) {
  const std::string_view text = word.text;
  if (text.starts_with("unix:")) return unix_server(value, word, out);
  if (const std::size_t scheme = text.find("://"); scheme != text.npos) {
    return value.bad(word, "a server is an address, not a URL",
                     fmt::format("write {}{}", text.substr(scheme + 3),
                                 text.starts_with("https") ? " here and ssl = on below" : ""));
  }
  std::string_view host = text, ports;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t end = std::min(text.find(']'), text.size() - 1);
    host = text.substr(1, end - 1);
    ports = text.substr(end + 1);
    if (!ports.empty() && ports.front() != ':') host = {};
  } else if (const std::size_t colon = text.rfind(':'); colon != text.npos) {
    host = text.substr(0, colon);
    ports = text.substr(colon);
  }
  const bool ip = Address::parse_ip(host).has_value();
  const bool number = host.find_first_not_of("0123456789.") == host.npos;
  if ((bracketed && !ip) || (!ip && (number || !is_host_name(host)))) {
    return value.bad(word, fmt::format("\"{}\" is not an address or a name", text),
                     host.find(':') != host.npos ? "an IPv6 address stands in brackets: [::1]:80"
                                                 : "write ADDRESS:PORT, NAME:PORT or unix:PATH");
  }
  if (!bracketed && host.find(':') != host.npos) {
    return value.bad(word, fmt::format("\"{}\" has an IPv6 address without brackets", text),
                     "write [::1]:80");
  }
  constexpr std::string_view nginx_default_port = ":80";
  if (ports.empty()) ports = nginx_default_port;
  if (!parse_ports(ports.substr(1), out)) {
    return value.bad(word, fmt::format("\"{}\" is not a port or a range of ports", ports.substr(1)),
                     "write 8080 or 8000-8009");
  }
  out.is_name = !ip;
  out.host = ip ? std::string(host) : lower(host);
  return true;
}

bool server_option(Value& value, const Word& word) {
  constexpr std::array<std::string_view, 8> later = {
      "weight", "max_conns", "max_fails", "fail_timeout", "slow_start", "backup", "down", "drain"};
  const std::string_view name = std::string_view(word.text).substr(0, word.text.find('='));
  for (const std::string_view option : later) {
    if (name == option) return value.not_built(word, option);
  }
  Word bare = word;
  bare.text = std::string(name);
  return value.unknown(bare, {later.begin(), later.end()});
}

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

bool parse_item(Value& value, std::vector<ServerLine>& out) {
  if (!value.has_words(1, 16)) return false;
  ServerLine parsed;
  parsed.where = value.where();
  if (!parse_server(value, value.first(), parsed)) return false;
  for (std::size_t at = 1; at < value.words().size(); ++at) {
    if (!server_option(value, value.words()[at])) return false;
  }
  parsed.text = value.first().text;
  out.push_back(std::move(parsed));
  return true;
}

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

std::string print_value(const ServerLine& value) { return quoted(value.text); }

std::string print_value(const ServerName& value) {
  return value.wildcard ? "*" + value.text : value.text;
}

std::string print_value(const ApiKey& value) { return value.name + " sha256:********"; }

}  // namespace weir::conf
