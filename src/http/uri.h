// Request targets: the four forms (RFC 9112 3.2), the host they speak to, and one normal form of
// the path for every decision (contract rules 1 and 8).
//
// The normal form: escapes of unreserved bytes decoded, other escapes in upper case, bytes that may
// not stand raw in a path escaped, "." and ".." resolved, runs of '/' merged. "%2F" and "%5C" stay
// opaque. It is still an escaped path: nothing in it can be mistaken for a '/', '?', CR or LF.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"

namespace weir {

struct TargetRules {
  bool merge_slashes = true;
  bool reject_encoded_slash = false;  // %2F and %5C are a 400
  bool allow_connect = false;
  bool allow_trace = false;
  std::uint16_t default_port = 80;  // of the connection's scheme: dropped from the authority
};

// First step: reads head.target and Host; fills form, scheme, host, port, authority, raw_path,
// request_uri, query and has_query. The host is enough to choose a server, whose rules may decide
// the second step. Text that differs from what was received is in `arena`.
Result<Ok> resolve_host(RequestHead& head, const TargetRules& rules, Arena& arena);

// Second step: fills path and upstream_path from raw_path. May be repeated with other rules.
Result<Ok> resolve_path(RequestHead& head, const TargetRules& rules, Arena& arena);

// Both.
Result<Ok> resolve_target(RequestHead& head, const TargetRules& rules, Arena& arena);

// The normal form of an absolute path; `path` itself when it is already normal. Also for
// configuration and rewrites.
struct NormalPath {
  std::string_view path;
  bool only_unreserved = true;  // it differs from what was received in unreserved escapes at most
};
Result<NormalPath> normalise_path(std::string_view path, const TargetRules& rules, Arena& arena);

// The value of a query argument, as it stands (not decoded): the first of that name, compared
// without case, as nginx's $arg_NAME. nullopt: absent; "a" and "a=" give empty text.
std::optional<std::string_view> query_argument(std::string_view query, std::string_view name);

// The value of a cookie in all Cookie fields: the first of that name, as nginx's $cookie_NAME.
std::optional<std::string_view> cookie_value(const Fields& fields, std::string_view name);

}  // namespace weir
