// Authorities: "host[:port]" as in Host, absolute targets and configuration.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace weir {

enum class HostKind : std::uint8_t { name, ipv4, ipv6 };

struct Authority {
  HostKind kind = HostKind::name;
  // Lower-cased; a name without its trailing dot; IPv6 in brackets and in RFC 5952 form: two
  // spellings of one host give one text.
  std::string_view host;
  std::uint16_t port = 0;  // 0: none given
};

// Strict: letters, digits, '-', '_' and dots (a subset of RFC 3986's reg-name: no percent escapes,
// no sub-delims), an IPv4 address (a name whose last label is all digits must be one), or an IPv6
// literal in brackets without zone; no userinfo; port 1-65535 or empty. Views point into `text`
// where it is already normal, else into the arena.
Result<Authority> parse_authority(std::string_view text, Arena& arena);

// An address in text as it stands in X-Forwarded-For or a socket: IPv4 or IPv6 without brackets.
bool is_ip_address(std::string_view text);

}  // namespace weir
