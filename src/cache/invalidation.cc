#include "cache/invalidation.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::cache {
namespace {

// The authority as RequestHead has it: lower case, without the default port.
std::string plain_authority(std::string_view authority, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  if (authority.ends_with(':')) authority.remove_suffix(1);
  return lower(authority);
}

// RFC 3986 5.2.4, of an absolute path.
std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const bool last = path.empty();
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
      if (last) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

// A URI reference (RFC 3986 5.2) as path and query; nullopt: of another origin, or none.
std::optional<std::string> resolve(std::string_view reference, const RequestHead& request,
                                   std::string_view scheme) {
  reference = reference.substr(0, reference.find('#'));
  if (reference.empty() || !is_sendable(reference)) return std::nullopt;
  const std::size_t colon = reference.find(':');
  if (colon != reference.npos && colon < reference.find_first_of("/?")) {
    if (!iequals(reference.substr(0, colon), scheme)) return std::nullopt;
    reference.remove_prefix(colon + 1);
    if (!reference.starts_with("//")) return std::nullopt;
  }
  if (reference.starts_with("//")) {
    reference.remove_prefix(2);
    const std::size_t end = std::min(reference.find_first_of("/?"), reference.size());
    if (plain_authority(reference.substr(0, end), scheme) != request.authority) return std::nullopt;
    reference.remove_prefix(end);
    if (!reference.starts_with('/')) return "/" + std::string(reference);
  }
  const std::size_t mark = std::min(reference.find('?'), reference.size());
  const std::string_view path = reference.substr(0, mark), query = reference.substr(mark);
  const std::string_view base = request.request_uri.substr(0, request.request_uri.find('?'));
  std::string whole;
  if (path.empty()) {
    whole = base;
  } else if (path.front() == '/') {
    whole = path;
  } else {
    whole = std::string(base.substr(0, base.rfind('/') + 1)) + std::string(path);
  }
  if (!whole.starts_with('/')) return std::nullopt;
  return without_dots(whole) + std::string(query);
}

}  // namespace

std::vector<std::string> invalidated_by(const RequestHead& request, std::string_view scheme,
                                        const ResponseHead& answer) {
  std::vector<std::string> out;
  const bool went_well = answer.status >= 200 && answer.status < 400;
  if (is_safe(request.method) || !went_well || request.request_uri.empty()) return out;
  out.emplace_back(request.request_uri);
  for (const FieldId id : {FieldId::location, FieldId::content_location}) {
    if (answer.fields.count(id) != 1) continue;
    auto uri = resolve(answer.fields.value(id), request, scheme);
    if (uri && std::find(out.begin(), out.end(), *uri) == out.end()) {
      out.push_back(std::move(*uri));
    }
  }
  return out;
}

}  // namespace weir::cache
