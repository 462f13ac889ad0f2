#include "http/forwarded.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/host.h"

namespace weir {
namespace {

constexpr int hops_max = 64;  // longer chains are somebody's attack on the address lists

// The entries of all X-Forwarded-For fields from right to left.
class HopsFromRight {
 public:
  explicit HopsFromRight(const Fields& fields) : fields_(fields), next_field_(fields.size()) {}

  // False at the left end.
  bool next(std::string_view& entry) {
    while (!inside_) {
      if (next_field_ == 0) return false;
      const Field& field = fields_[--next_field_];
      if (field.id != FieldId::x_forwarded_for) continue;
      rest_ = field.value;
      inside_ = true;
    }
    const auto comma = rest_.rfind(',');
    entry = trim(comma == rest_.npos ? rest_ : rest_.substr(comma + 1));
    inside_ = comma != rest_.npos;
    rest_ = rest_.substr(0, inside_ ? comma : 0);
    return true;
  }

 private:
  const Fields& fields_;
  std::size_t next_field_;
  std::string_view rest_;
  bool inside_ = false;
};

// "1.2.3.4:5" and "[::1]:5" without port and brackets; empty when it is not an address.
std::string_view address_of(std::string_view entry) {
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == entry.npos) return {};
    const std::string_view behind = entry.substr(close + 1);
    if (!behind.empty() && (behind.front() != ':' || !parse_decimal(behind.substr(1)))) return {};
    entry = entry.substr(1, close - 1);
    if (entry.find(':') == entry.npos) return {};
  } else if (const auto colon = entry.find(':'); colon != entry.npos && colon == entry.rfind(':')) {
    if (!parse_decimal(entry.substr(colon + 1))) return {};
    entry = entry.substr(0, colon);
  }
  return is_ip_address(entry) ? entry : std::string_view{};
}

// All fields of that name as one list, then `last`.
std::string_view joined(const Fields& fields, FieldId id, std::string_view last, Arena& arena) {
  constexpr std::string_view comma = ", ";
  if (!fields.has(id)) return last;
  std::size_t size = last.size();
  for (const Field& field : fields) size += field.id == id ? field.value.size() + comma.size() : 0;
  char* const out = arena.allocate(size);
  if (out == nullptr) return {};
  char* at = out;
  for (const Field& field : fields) {
    if (field.id != id || field.value.empty()) continue;
    at = std::copy(field.value.begin(), field.value.end(), at);
    at = std::copy(comma.begin(), comma.end(), at);
  }
  at = std::copy(last.begin(), last.end(), at);
  const auto used = static_cast<std::size_t>(at - out);
  arena.give_back(size - used);
  return {out, used};
}

bool is_identity(const Field& field) {
  if ((field_properties(field.id) & field_property::identity) != 0) return true;
  if (field.id != FieldId::other) return false;
  return (field_properties(field_id_of_alias(field.name)) & field_property::identity) != 0 ||
         is_forwarded_name(field.name);
}

// RFC 7239 4: an IPv6 address stands in brackets and quotes; host is quoted for its colon.
std::string_view forwarded_element(const RequestHead& head, const ForwardedBy& by, Arena& arena) {
  const bool ipv6 = by.peer_address.find(':') != by.peer_address.npos;
  const std::string_view open = ipv6 ? "for=\"[" : "for=";
  const std::string_view close = ipv6 ? "]\"" : "";
  const std::string_view node = by.peer_address.empty() ? "unknown" : by.peer_address;
  if (head.authority.empty()) return arena.join({open, node, close, ";proto=", by.scheme});
  return arena.join({open, node, close, ";host=\"", head.authority, "\";proto=", by.scheme});
}

// From others than a trusted peer nothing is left of them but Via.
void remove_unwanted(Fields& fields, const ForwardedBy& by) {
  if (by.wanted.bits == ForwardedSet::all) return;
  if (!by.peer_trusted) {
    if (!by.wanted.has(FieldId::via)) fields.remove(FieldId::via);
    return;
  }
  for (const FieldId id : ForwardedSet::fields) {
    if (!by.wanted.has(id)) fields.remove_aliases(field_name(id));
  }
}

std::string_view port_text(std::uint16_t port, Arena& arena) {
  char digits[5];
  const auto done = std::to_chars(digits, digits + sizeof digits, port);
  return arena.copy({digits, static_cast<std::size_t>(done.ptr - digits)});
}

void keep_or_set(Fields& fields, ForwardedSet wanted, FieldId id, std::string_view value) {
  if (!wanted.has(id)) return;
  if (fields.has(id)) {
    fields.set(id, std::string_view(fields.value(id)));  // one of them
  } else if (!value.empty()) {
    fields.add(id, value);
  }
}

std::string_view via_element(Version version, std::string_view pseudonym, Arena& arena) {
  switch (version) {
    case Version::http_1_0: return arena.join({"1.0 ", pseudonym});
    case Version::http_1_1: return arena.join({"1.1 ", pseudonym});
    case Version::http_2: return arena.join({"2 ", pseudonym});
  }
  return {};
}

}  // namespace

std::string_view client_address(const Fields& fields, std::string_view peer_address,
                                const TrustList& trust) {
  std::string_view address = peer_address;
  if (!fields.has(FieldId::x_forwarded_for)) return address;
  HopsFromRight hops(fields);
  std::string_view entry;
  for (int hop = 0; hop < hops_max && trust.trusts(address) && hops.next(entry); ++hop) {
    const std::string_view next = address_of(entry);
    if (next.empty()) break;
    address = next;
  }
  return address;
}

void add_forwarded(RequestHead& head, const ForwardedBy& by, Arena& arena) {
  Fields& fields = head.fields;
  const ForwardedSet wanted = by.wanted;
  if (!by.peer_trusted) fields.remove_if(is_identity);
  remove_unwanted(fields, by);
  if (wanted.has(FieldId::x_forwarded_for) && !by.peer_address.empty())  // a Unix socket has none
    fields.set(FieldId::x_forwarded_for, appended_forwarded_for(fields, by, arena));
  if (wanted.has(FieldId::forwarded)) {
    fields.set(FieldId::forwarded,
               joined(fields, FieldId::forwarded, forwarded_element(head, by, arena), arena));
  }
  keep_or_set(fields, wanted, FieldId::x_forwarded_host, head.authority);
  keep_or_set(fields, wanted, FieldId::x_forwarded_proto, by.scheme);
  if (wanted.has(FieldId::x_forwarded_port))
    keep_or_set(fields, wanted, FieldId::x_forwarded_port, port_text(by.port, arena));
  keep_or_set(fields, wanted, FieldId::x_request_id, by.request_id);
  if (by.client_address.empty()) {
    fields.remove(FieldId::x_real_ip);
  } else if (wanted.has(FieldId::x_real_ip)) {
    fields.set(FieldId::x_real_ip, by.client_address);
  }
  if (wanted.has(FieldId::via)) add_via(fields, head.version, by.pseudonym, arena);
}

void add_via(Fields& fields, Version received, std::string_view pseudonym, Arena& arena) {
  fields.set(FieldId::via,
             joined(fields, FieldId::via, via_element(received, pseudonym, arena), arena));
}

std::string_view appended_forwarded_for(const Fields& fields, const ForwardedBy& by, Arena& arena) {
  if (!by.peer_trusted) return by.peer_address;
  return joined(fields, FieldId::x_forwarded_for, by.peer_address, arena);
}

}  // namespace weir
