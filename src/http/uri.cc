#include "http/uri.h"

#include <charconv>

#include "base/text.h"
#include "http/faults.h"
#include "http/host.h"

namespace weir {
namespace {

std::uint16_t default_port_of(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// "host" or "host:port"; `received` itself where it is in normal form.
std::string_view authority_text(const Authority& authority, std::string_view received,
                                Arena& arena) {
  const std::string_view host = authority.host;
  if (authority.port == 0) return host;
  char digits[5];
  const auto done = std::to_chars(digits, digits + sizeof digits, authority.port);
  const std::string_view port{digits, static_cast<std::size_t>(done.ptr - digits)};
  const bool normal = host.data() == received.data() &&
                      received.size() == host.size() + 1 + port.size() && received.ends_with(port);
  return normal ? received : arena.join({host, ":", port});
}

void use_authority(RequestHead& head, const Authority& authority, std::string_view received,
                   Arena& arena) {
  head.host = authority.host;
  head.port = authority.port;
  head.authority = authority_text(authority, received, arena);
}

Result<Authority> read_authority(std::string_view text, std::uint16_t default_port, Arena& arena) {
  auto authority = parse_authority(text, arena);
  if (authority && authority->port == default_port) authority->port = 0;
  return authority;
}

// Contract rule 1. `target_authority` is the host part of an absolute-form target, or nullptr.
Result<Ok> agree_on_host(RequestHead& head, const Authority* target_authority,
                         std::uint16_t default_port, Arena& arena) {
  const std::size_t count = head.fields.count(FieldId::host);
  if (count > 1) return client_fault(Fault::host_repeated);
  if (count == 0 && head.version != Version::http_1_0) return client_fault(Fault::host_missing);
  if (count == 1) {
    const std::string_view value = head.fields.value(FieldId::host);
    if (head.received_host.data() == nullptr) head.received_host = value;
    const auto authority = read_authority(value, default_port, arena);
    if (!authority) return authority.error();
    if (target_authority != nullptr &&
        (target_authority->host != authority->host || target_authority->port != authority->port))
      return client_fault(Fault::host_disagrees);
    use_authority(head, *authority, value, arena);
  } else if (target_authority != nullptr) {
    use_authority(head, *target_authority, {}, arena);
  }
  if (arena.exhausted()) return fault_error(Side::self, Fault::out_of_room);
  if (!head.authority.empty()) head.fields.set(FieldId::host, head.authority);
  return Ok{};
}

// `text` is the target from its path on.
void split_path(RequestHead& head, std::string_view text, Arena& arena) {
  const auto question = text.find('?');
  head.raw_path = text.substr(0, question);
  head.has_query = question != text.npos;
  head.query = head.has_query ? text.substr(question + 1) : std::string_view{};
  head.request_uri = text;
  if (!head.raw_path.empty()) return;
  head.raw_path = "/";  // "http://host?query"
  head.request_uri = head.has_query ? arena.join({"/", text}) : head.raw_path;
}

Result<Ok> resolve_asterisk(RequestHead& head, const Authority* target_authority,
                            std::uint16_t default_port, Arena& arena) {
  head.form = TargetForm::asterisk;
  head.raw_path = head.request_uri = "*";
  return agree_on_host(head, target_authority, default_port, arena);
}

Result<Ok> resolve_connect(RequestHead& head, const TargetRules& rules, Arena& arena) {
  if (!rules.allow_connect) return client_fault(Fault::method_not_allowed);
  head.form = TargetForm::authority;
  head.raw_path = {};
  head.request_uri = head.target;
  const auto authority = parse_authority(head.target, arena);
  if (!authority) return authority.error();
  if (authority->port == 0) return client_fault(Fault::malformed_authority);  // RFC 9110 9.3.6
  // Host repeats the target (RFC 9112 3.2.3), so no port is a default here.
  return agree_on_host(head, &*authority, 0, arena);
}

Result<Ok> resolve_absolute(RequestHead& head, Arena& arena) {
  const auto colon = head.target.find("://");
  if (colon == head.target.npos) return client_fault(Fault::malformed_target);
  const std::string_view scheme = head.target.substr(0, colon);
  if (iequals(scheme, "http")) head.scheme = "http";
  if (iequals(scheme, "https")) head.scheme = "https";
  if (head.scheme.empty()) return client_fault(Fault::scheme_not_supported);
  const std::string_view rest = head.target.substr(colon + 3);
  const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
  const std::uint16_t default_port = default_port_of(head.scheme);
  const auto authority = read_authority(host, default_port, arena);
  if (!authority) return authority.error();
  // RFC 9112 3.2.4: the absolute form of "*" has no path.
  if (head.method == Method::options && host.size() == rest.size())
    return resolve_asterisk(head, &*authority, default_port, arena);
  head.form = TargetForm::absolute;
  split_path(head, rest.substr(host.size()), arena);
  return agree_on_host(head, &*authority, default_port, arena);
}

}  // namespace

Result<Ok> resolve_host(RequestHead& head, const TargetRules& rules, Arena& arena) {
  if (head.method == Method::trace && !rules.allow_trace)
    return client_fault(Fault::method_not_allowed);
  if (head.target.find('#') != head.target.npos) return client_fault(Fault::fragment_in_target);
  if (head.method == Method::connect) return resolve_connect(head, rules, arena);
  if (head.target == "*") {
    if (head.method != Method::options) return client_fault(Fault::asterisk_without_options);
    return resolve_asterisk(head, nullptr, rules.default_port, arena);
  }
  if (!head.target.starts_with('/')) return resolve_absolute(head, arena);
  head.form = TargetForm::origin;
  split_path(head, head.target, arena);
  return agree_on_host(head, nullptr, rules.default_port, arena);
}

Result<Ok> resolve_path(RequestHead& head, const TargetRules& rules, Arena& arena) {
  if (head.form == TargetForm::asterisk || head.form == TargetForm::authority) {
    head.path = head.upstream_path = head.raw_path;
    return Ok{};
  }
  const auto normal = normalise_path(head.raw_path, rules, arena);
  if (!normal) return normal.error();
  head.path = normal->path;
  head.upstream_path = normal->only_unreserved ? head.raw_path : normal->path;
  return Ok{};
}

Result<Ok> resolve_target(RequestHead& head, const TargetRules& rules, Arena& arena) {
  if (const auto host = resolve_host(head, rules, arena); !host) return host.error();
  return resolve_path(head, rules, arena);
}

std::optional<std::string_view> query_argument(std::string_view query, std::string_view name) {
  for (;;) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty() && iequals(pair.substr(0, equals), name))
      return equals == pair.npos ? std::string_view{} : pair.substr(equals + 1);
    if (end == query.npos) return std::nullopt;
    query.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> cookie_value(const Fields& fields, std::string_view name) {
  if (!fields.has(FieldId::cookie)) return std::nullopt;
  for (const Field& field : fields) {
    if (field.id != FieldId::cookie) continue;
    std::string_view rest = field.value;
    for (;;) {
      const auto end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      const auto equals = pair.find('=');
      if (equals != pair.npos && iequals(trim(pair.substr(0, equals)), name))
        return trim(pair.substr(equals + 1));
      if (end == rest.npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return std::nullopt;
}

}  // namespace weir
