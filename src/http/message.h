// The heads of a request and of a response, as parsed: nothing here owns text.
//
// The way of a request head: find_head_end, parse_request_head (h1_parser.h), request_framing
// (framing.h), resolve_target (uri.h: fills all below "filled by resolve_target"), take_hop_by_hop
// (hop_by_hop.h), then what the proxy decides, add_forwarded (forwarded.h), write_request_head.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace weir {

// Methods are case-sensitive (RFC 9110 9.1); `other` has its text in RequestHead::method_text.
enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  connect,
  options,
  trace,
  patch,
  other
};
Method parse_method(std::string_view text);
std::string_view method_name(Method method);  // empty for `other`
bool is_safe(Method method);                  // RFC 9110 9.2.1
bool is_idempotent(Method method);            // RFC 9110 9.2.2

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };
std::string_view version_text(Version version);  // "HTTP/1.1"

enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

struct RequestHead {
  Method method = Method::other;
  Version version = Version::http_1_1;
  std::string_view method_text;
  std::string_view target;  // as received
  std::string_view line;    // the request line as received, without CRLF ($request)
  Fields fields;
  std::uint32_t dropped_fields = 0;  // fields with '_' in the name that Limits::drop removed

  // Filled by resolve_target():
  TargetForm form = TargetForm::origin;
  std::string_view scheme;  // "http" or "https" of an absolute-form target, else empty
  // host[:port], lower-cased, default port dropped. It replaces the value of Host in `fields`, so
  // that it is what goes upstream; received_host is what came ($http_host).
  std::string_view authority;
  std::string_view received_host;
  std::string_view host;      // without port; IPv6 in brackets; empty only in HTTP/1.0 without Host
  std::uint16_t port = 0;     // 0: the default of the scheme
  std::string_view path;      // normalised: the one form for routing, access and cache key
  std::string_view raw_path;  // as received
  std::string_view request_uri;    // raw_path and query: the target without scheme and authority
  std::string_view upstream_path;  // raw_path or path, by contract rule 8
  std::string_view query;          // as received, without '?'
  bool has_query = false;          // "/x?" has an empty one

  void clear();  // keeps the capacity of `fields`
};

struct ResponseHead {
  Version version = Version::http_1_1;
  std::uint16_t status = 0;
  std::string_view reason;
  Fields fields;

  void clear();
};

}  // namespace weir
