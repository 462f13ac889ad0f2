#include "http/accept_encoding.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "http/syntax.h"

namespace weir {
namespace {

// A coding or "*", as far as the element says something of it.
struct Said {
  bool named = false;  // even if nothing of the weight can be read
  std::optional<std::uint16_t> weight{};
  void add(std::optional<std::uint16_t> more) {
    named = true;
    if (more) weight = std::min(*more, weight.value_or(AcceptEncoding::whole));
  }
};

// "0" to "1" with up to three digits behind a point (RFC 9110 12.4.2), in thousandths.
std::optional<std::uint16_t> parse_qvalue(std::string_view text) {
  constexpr std::size_t digits_max = 3;
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  if (text.size() > 2 + digits_max) return std::nullopt;
  unsigned value = text[0] == '1' ? AcceptEncoding::whole : 0, scale = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (!is_digit(c)) return std::nullopt;
    value += scale * static_cast<unsigned>(c - '0');
    scale /= 10;
  }
  if (value > AcceptEncoding::whole) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

// What follows the name: nothing, or one weight. A coding has no other parameters.
std::optional<std::uint16_t> parse_weight(std::string_view text) {
  if (text.empty()) return AcceptEncoding::whole;
  text = trim(text.substr(1));  // without the ';'
  if (text.size() < 2 || to_lower(text[0]) != 'q' || text[1] != '=') return std::nullopt;
  return parse_qvalue(text.substr(2));
}

}  // namespace

AcceptEncoding::AcceptEncoding(const Fields& request) {
  std::array<Said, content_codings> said{};
  Said any;
  if (request.has(FieldId::accept_encoding)) {
    for (const Field& field : request) {
      if (field.id != FieldId::accept_encoding) continue;
      ListItems items(field.value);
      for (auto item = items.next(); !item.empty(); item = items.next()) {
        const std::size_t end = std::min(item.find(';'), item.size());
        const std::string_view name = trim(item.substr(0, end));
        const auto coding = content_coding(name);
        Said* const one = coding        ? &said[static_cast<std::size_t>(*coding)]
                          : name == "*" ? &any
                                        : nullptr;
        if (one != nullptr) one->add(parse_weight(item.substr(end)));
      }
    }
  }
  for (const ContentCoding coding : real_codings) {
    const Said& one = said[static_cast<std::size_t>(coding)];
    weights_[static_cast<std::size_t>(coding)] =
        one.named ? one.weight.value_or(0) : any.weight.value_or(0);
  }
  // Only what says 0 refuses identity; "*" says nothing else of it.
  const Said& identity = said[static_cast<std::size_t>(ContentCoding::identity)];
  const bool refused = !identity.named && any.weight == 0;
  weights_[static_cast<std::size_t>(ContentCoding::identity)] =
      refused ? 0 : identity.weight.value_or(least);
}

ContentCoding AcceptEncoding::choose(std::span<const ContentCoding> order) const {
  ContentCoding best = ContentCoding::identity;
  for (const ContentCoding coding : order) {
    if (!accepts(coding)) continue;
    const bool first = best == ContentCoding::identity;
    if (first ? weight(coding) >= weight(best) : weight(coding) > weight(best)) best = coding;
  }
  return best;
}

}  // namespace weir
