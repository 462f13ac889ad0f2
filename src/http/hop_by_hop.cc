#include "http/hop_by_hop.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "http/faults.h"
#include "http/syntax.h"

namespace weir {
namespace {

using namespace field_property;

// More options than any honest sender names; a bound for the removal below.
constexpr std::size_t options_max = 32;

struct Named {
  std::array<std::string_view, options_max> names;
  std::size_t count = 0;
  bool upgrade = false;
  bool te = false;
};

// Contract rule 7: taking one of these away from the next hop would change what the message means
// or who it seems to come from.
bool is_protected(std::string_view name, std::uint8_t keep,
                  std::span<const std::string_view> own_names) {
  if ((field_properties(field_id_of_alias(name)) & keep) != 0) return true;
  if (is_forwarded_name(name)) return true;
  return std::any_of(own_names.begin(), own_names.end(),
                     [&](std::string_view own) { return alias_of(name, own); });
}

// The two options that nearly every Connection consists of.
bool is_persistence_option(std::string_view option, HopByHop& hop) {
  if (option.size() == 5 && iequals(option, "close")) {
    hop.close = true;
  } else if (option.size() == 10 && iequals(option, "keep-alive")) {
    hop.keep_alive = true;
  } else {
    return false;
  }
  return true;
}

Result<Ok> read_option(std::string_view option, std::uint8_t keep, Side side,
                       std::span<const std::string_view> own_names, HopByHop& hop, Named& named) {
  if (is_persistence_option(option, hop)) return Ok{};
  if (!is_token(option)) return fault_error(side, Fault::malformed_connection);
  if (is_protected(option, keep, own_names))
    return fault_error(side, Fault::protected_field_in_connection);
  const FieldId id = field_id(option);
  named.upgrade = named.upgrade || id == FieldId::upgrade;
  named.te = named.te || id == FieldId::te;
  if (named.count == options_max) return fault_error(side, Fault::malformed_connection);
  named.names[named.count++] = option;
  return Ok{};
}

// Protocols this proxy never switches to: the other side would speak HTTP or TLS behind its back.
bool is_forbidden_protocol(std::string_view protocol) {
  const std::string_view name = protocol.substr(0, protocol.find('/'));
  return iequals(name, "h2c") || iequals(name, "h2") || iequals(name, "http") ||
         iequals(name, "tls");
}

std::string_view read_upgrade(const Fields& fields) {
  if (fields.count(FieldId::upgrade) != 1) return {};
  const std::string_view offered = fields.value(FieldId::upgrade);
  ListItems items(offered);
  auto item = items.next();
  if (item.empty()) return {};  // commas alone offer nothing
  for (; !item.empty(); item = items.next()) {
    const auto slash = item.find('/');
    const bool well_formed =
        is_token(item.substr(0, slash)) && (slash == item.npos || is_token(item.substr(slash + 1)));
    if (!well_formed || is_forbidden_protocol(item)) return {};
  }
  return offered;
}

Result<HopByHop> take(Fields& fields, Version version, std::uint8_t keep, Side side,
                      std::span<const std::string_view> own_names) {
  HopByHop hop;
  Named named;
  if (fields.has(FieldId::connection)) {
    for (const Field& field : fields) {
      if (field.id != FieldId::connection || is_persistence_option(field.value, hop)) continue;
      ListItems items(field.value);
      for (auto item = items.next(); !item.empty(); item = items.next()) {
        const auto read = read_option(item, keep, side, own_names, hop, named);
        if (!read) return read.error();
      }
    }
  }
  if (named.te) {
    for (const Field& field : fields)
      hop.te_trailers |= field.id == FieldId::te && list_contains(field.value, "trailers");
  }
  if (named.upgrade && version == Version::http_1_1) hop.upgrade = read_upgrade(fields);
  fields.remove_if([&](const Field& field) {
    if ((field_properties(field.id) & (one_hop | framing)) != 0) return true;
    for (std::size_t i = 0; i < named.count; ++i) {
      if (same_field(field.name, named.names[i])) return true;
    }
    return false;
  });
  return hop;
}

}  // namespace

Result<HopByHop> take_hop_by_hop(RequestHead& head, std::span<const std::string_view> own_names) {
  return take(head.fields, head.version, keep_request, Side::client, own_names);
}
Result<HopByHop> take_hop_by_hop(ResponseHead& head) {
  return take(head.fields, head.version, keep_response, Side::upstream, {});
}

bool wants_persistence(Version version, const HopByHop& hop) {
  if (hop.close) return false;
  return version != Version::http_1_0 || hop.keep_alive;
}

bool upgrade_matches(std::string_view offered, std::string_view chosen) {
  const bool single = !chosen.empty() && chosen.find(',') == chosen.npos;
  return single && !is_forbidden_protocol(chosen) && list_contains(offered, chosen);
}

Expectation expectation(const RequestHead& head, bool has_body) {
  const std::size_t count = head.fields.count(FieldId::expect);
  if (count == 0 || head.version == Version::http_1_0) return Expectation::none;
  if (count > 1 || !iequals(head.fields.value(FieldId::expect), "100-continue"))
    return Expectation::unsupported;
  return has_body ? Expectation::continue_100 : Expectation::none;
}

Result<std::optional<std::uint64_t>> max_forwards(const RequestHead& head) {
  std::optional<std::uint64_t> hops;
  const bool meant = head.method == Method::options || head.method == Method::trace;
  if (!meant || !head.fields.has(FieldId::max_forwards)) return hops;
  const std::string_view text = head.fields.value(FieldId::max_forwards);
  if (head.fields.count(FieldId::max_forwards) > 1 || text.empty() ||
      !std::all_of(text.begin(), text.end(), is_digit))
    return client_fault(Fault::malformed_max_forwards);
  // More than fits is as much as we count to.
  hops = parse_decimal(text).value_or(std::numeric_limits<std::uint64_t>::max());
  return hops;
}

}  // namespace weir
