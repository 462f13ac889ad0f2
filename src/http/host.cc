#include "http/host.h"

#include <arpa/inet.h>  // inet_pton and inet_ntop: text in, text out, no socket

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "http/faults.h"

namespace weir {
namespace {

constexpr std::size_t host_bytes_max = 253;  // RFC 1035 2.3.4
constexpr std::size_t label_bytes_max = 63;

Error malformed() { return client_fault(Fault::malformed_authority); }

bool is_name_char(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
}

// An IPv6 address in canonical form into `out`; false when `text` is not one.
bool canonical_ipv6(std::string_view text, char (&out)[INET6_ADDRSTRLEN]) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof terminated ||
      text.find('\0') != text.npos)  // it would hide the rest from inet_pton
    return false;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET6, terminated, address) == 1 &&
         inet_ntop(AF_INET6, address, out, sizeof out) != nullptr;
}

// 0 for an empty port, nullopt for anything that is not 1 to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty()) return std::uint16_t{0};
  if (text.size() > 5) return std::nullopt;
  const auto number = parse_decimal(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

// The port behind a host: nothing, or ':' and a port.
Result<std::uint16_t> port_behind(std::string_view rest) {
  if (rest.empty()) return std::uint16_t{0};
  if (rest.front() != ':') return malformed();
  const auto port = parse_port(rest.substr(1));
  if (!port) return malformed();
  return *port;
}

Result<Authority> parse_ipv6(std::string_view text, Arena& arena) {
  const auto close = text.find(']');
  if (close == text.npos) return malformed();
  char canonical[INET6_ADDRSTRLEN];
  if (!canonical_ipv6(text.substr(1, close - 1), canonical)) return malformed();
  const auto port = port_behind(text.substr(close + 1));
  if (!port) return port.error();
  const std::string_view received = text.substr(0, close + 1);
  const bool normal = received.substr(1, close - 1) == canonical;
  return Authority{HostKind::ipv6, normal ? received : arena.join({"[", canonical, "]"}), *port};
}

// Labels of one to 63 name characters between single dots.
bool is_name(std::string_view host) {
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!is_name_char(c) || ++label > label_bytes_max) {
      return false;
    }
  }
  return label != 0 && host.size() <= host_bytes_max;
}

std::string_view lowered(std::string_view host, Arena& arena) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::none_of(host.begin(), host.end(), is_upper)) return host;
  char* const out = arena.allocate(host.size());
  if (out == nullptr) return {};
  std::transform(host.begin(), host.end(), out, to_lower);
  return {out, host.size()};
}

}  // namespace

Result<Authority> parse_authority(std::string_view text, Arena& arena) {
  if (text.starts_with('[')) return parse_ipv6(text, arena);
  const auto colon = text.find(':');
  std::string_view host = text.substr(0, colon);
  const auto port = port_behind(colon == text.npos ? std::string_view{} : text.substr(colon));
  if (!port) return port.error();
  if (host.ends_with('.')) host.remove_suffix(1);  // "example.com." is the same host
  if (!is_name(host)) return malformed();
  // A name that ends in a number is an address to some readers and a name to others, unless it is
  // a plain IPv4 address (no octal, no short forms).
  const std::string_view last_label = host.substr(host.rfind('.') + 1);
  if (std::all_of(last_label.begin(), last_label.end(), is_digit)) {
    if (!is_ipv4(host)) return malformed();
    return Authority{HostKind::ipv4, host, *port};
  }
  return Authority{HostKind::name, lowered(host, arena), *port};
}

bool is_ip_address(std::string_view text) {
  char canonical[INET6_ADDRSTRLEN];
  return text.find(':') == text.npos ? is_ipv4(text) : canonical_ipv6(text, canonical);
}

}  // namespace weir
