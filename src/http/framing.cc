#include "http/framing.h"

#include <algorithm>

#include "base/text.h"
#include "http/faults.h"
#include "http/hop_by_hop.h"
#include "http/status.h"
#include "http/syntax.h"

namespace weir {
namespace {

// Contract rule 2, alike for both directions: what Transfer-Encoding and Content-Length say
// together. `none` when neither is there.
Result<BodyFraming> stated_framing(const Fields& fields, Version version, Side side) {
  const auto bad = [side](Fault fault) { return fault_error(side, fault); };
  const bool has_length = fields.has(FieldId::content_length);
  if (fields.has(FieldId::transfer_encoding)) {
    if (has_length) return bad(Fault::length_and_transfer_encoding);
    if (version == Version::http_1_0) return bad(Fault::transfer_encoding_in_1_0);
    if (fields.count(FieldId::transfer_encoding) > 1) return bad(Fault::repeated_transfer_encoding);
    if (!iequals(fields.value(FieldId::transfer_encoding), "chunked"))
      return bad(Fault::transfer_encoding_not_chunked);
    return BodyFraming{BodyKind::chunked};
  }
  if (!has_length) return BodyFraming{};
  if (fields.count(FieldId::content_length) > 1) return bad(Fault::repeated_content_length);
  const auto length = parse_content_length(fields.value(FieldId::content_length));
  if (!length) return bad(Fault::malformed_content_length);
  return BodyFraming{BodyKind::length, *length};
}

bool connection_names_upgrade(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const Field& field) {
    return field.id == FieldId::connection && list_contains(field.value, "upgrade");
  });
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  return parse_decimal(text);  // digits only, and it fits
}

Result<BodyFraming> request_framing(const RequestHead& head) {
  const auto framing = stated_framing(head.fields, head.version, Side::client);
  if (!framing) return framing;
  // RFC 9110 9.3.8, 9.3.6: neither has a body, and what follows CONNECT is not HTTP.
  const bool bodiless = head.method == Method::trace || head.method == Method::connect;
  if (bodiless && framing->kind != BodyKind::none) return client_fault(Fault::body_not_allowed);
  return framing;
}

Result<BodyFraming> response_framing(const ResponseHead& head, Method request_method,
                                     std::string_view offered_upgrade) {
  const auto bad = [](Fault fault) { return fault_error(Side::upstream, fault); };
  // RFC 9112 6.3: after 2xx to CONNECT both fields are ignored.
  if (request_method == Method::connect && head.status / 100 == 2)
    return BodyFraming{BodyKind::tunnel};
  const auto framing = stated_framing(head.fields, head.version, Side::upstream);
  if (!framing) return framing;

  if (is_informational(head.status)) {
    if (framing->kind != BodyKind::none) return bad(Fault::body_not_allowed);
    if (head.status != 101) return BodyFraming{};
    // Contract rule 7: a tunnel only after a 101 with the Upgrade that was asked for.
    const bool agreed = head.version == Version::http_1_1 &&
                        head.fields.count(FieldId::upgrade) == 1 &&
                        connection_names_upgrade(head.fields) &&
                        upgrade_matches(offered_upgrade, head.fields.value(FieldId::upgrade));
    if (!agreed) return bad(Fault::unasked_upgrade);
    return BodyFraming{BodyKind::tunnel};
  }
  if (head.status == 204) {
    // Some origins say "Content-Length: 0"; anything else means they may send a body.
    if (framing->has_body()) return bad(Fault::body_not_allowed);
    return BodyFraming{};
  }
  if (head.status == 304 || request_method == Method::head) {
    BodyFraming none;
    if (framing->kind == BodyKind::length) none.stated = framing->length;
    return none;
  }
  if (framing->kind == BodyKind::none) return BodyFraming{BodyKind::until_close};
  return framing;
}

}  // namespace weir
