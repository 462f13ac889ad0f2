#include "http/cache_control.h"

#include <algorithm>

#include "base/text.h"
#include "http/structured.h"
#include "http/syntax.h"

namespace weir {
namespace {

// One directive: "name", "name=token" or "name=\"text\"" (RFC 9111 5.2).
struct Directive {
  std::string_view name;
  bool has_value = false;
  bool readable = true;      // the value is a token, or a quoted text without escapes
  std::string_view value{};  // without quotes
};

Directive parse_directive(std::string_view item) {
  Directive out;
  const std::size_t equals = item.find('=');
  out.name = item.substr(0, equals);
  if (equals == item.npos) return out;
  out.has_value = true;
  out.value = item.substr(equals + 1);
  const bool quoted = out.value.size() >= 2 && out.value.front() == '"' && out.value.back() == '"';
  if (quoted) {
    out.value = out.value.substr(1, out.value.size() - 2);
    out.readable = out.value.find_first_of("\"\\") == out.value.npos;
  } else {
    out.readable = is_token(out.value);
  }
  return out;
}

template <class Take>
void for_each_directive(const Fields& fields, Take take) {
  for (const Field& field : fields) {
    if (field.id != FieldId::cache_control) continue;
    ListItems items(field.value);
    for (auto item = items.next(); !item.empty(); item = items.next()) take(parse_directive(item));
  }
}

// The seconds of a directive that must have some; 0 where it has none that can be read.
std::int64_t seconds_of(const Directive& directive) {
  if (!directive.has_value || !directive.readable) return 0;
  return parse_delta_seconds(directive.value).value_or(0);
}

void take_least(std::optional<std::int64_t>& out, std::int64_t seconds) {
  out = out ? std::min(*out, seconds) : seconds;
}

// no-cache and private: with a list of fields, or whole.
void take_list(const Directive& directive, bool& whole, NamedFields& lists) {
  if (!directive.has_value || !directive.readable || trim(directive.value).empty() ||
      !lists.add(directive.value)) {
    whole = true;
  }
}

bool is(const Directive& directive, std::string_view name) { return iequals(directive.name, name); }

// A permission with a value is none that is defined.
bool permits(const Directive& directive, std::string_view name) {
  return !directive.has_value && is(directive, name);
}

void take_response(const Directive& directive, ResponseCacheControl& out) {
  if (is(directive, "max-age")) return take_least(out.max_age, seconds_of(directive));
  if (is(directive, "s-maxage")) return take_least(out.s_maxage, seconds_of(directive));
  if (is(directive, "no-cache")) return take_list(directive, out.no_cache, out.no_cache_fields);
  if (is(directive, "private")) return take_list(directive, out.private_, out.private_fields);
  if (is(directive, "stale-while-revalidate")) {
    return take_least(out.stale_while_revalidate, seconds_of(directive));
  }
  if (is(directive, "stale-if-error")) {
    return take_least(out.stale_if_error, seconds_of(directive));
  }
  if (is(directive, "no-store")) {
    out.no_store = true;
  } else if (is(directive, "must-revalidate")) {
    out.must_revalidate = true;
  } else if (is(directive, "proxy-revalidate")) {
    out.proxy_revalidate = true;
  } else if (permits(directive, "public")) {
    out.public_ = true;
  } else if (permits(directive, "must-understand")) {
    out.must_understand = true;
  } else if (permits(directive, "immutable")) {
    out.immutable = true;
  }
}

// A member of CDN-Cache-Control. Its values are typed: what is no integer is no time, and "?0" is
// not said at all.
void take_targeted(const structured::Member& member, ResponseCacheControl& out) {
  using Type = structured::Type;
  Directive directive{member.key, false, true, {}};
  switch (member.type) {
    case Type::boolean:
      if (!member.truth) return;
      break;
    case Type::integer:
    case Type::string:
      directive.has_value = true;
      directive.value = member.text;
      directive.readable = member.text.find('\\') == std::string_view::npos;
      break;
    case Type::decimal:
    case Type::token:
    case Type::bytes:
    case Type::inner_list:
      directive.has_value = true;
      directive.readable = false;
      break;
  }
  // A string is no time, though an integer is text.
  if (member.type == Type::string && member.key != "no-cache" && member.key != "private") {
    directive.readable = false;
  }
  take_response(directive, out);
}

// False: absent, empty or broken.
bool read_targeted(const Fields& answer, ResponseCacheControl& out) {
  if (!answer.has(FieldId::cdn_cache_control)) return false;
  structured::Dictionary dictionary;
  for (const Field& field : answer) {
    if (field.id != FieldId::cdn_cache_control) continue;
    if (!dictionary.parse(field.value)) return false;
  }
  if (dictionary.members().empty()) return false;
  for (const structured::Member& member : dictionary.members()) take_targeted(member, out);
  out.targeted = true;
  return true;
}

}  // namespace

std::optional<std::int64_t> parse_delta_seconds(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const auto number = parse_decimal(text);
  if (!number || *number > static_cast<std::uint64_t>(delta_seconds_max)) return delta_seconds_max;
  return static_cast<std::int64_t>(*number);
}

RequestCacheControl request_cache_control(const Fields& request) {
  RequestCacheControl out;
  if (!request.has(FieldId::cache_control)) {
    // Only where there is no Cache-Control (RFC 9111 5.4).
    for (const Field& field : request) {
      if (field.id == FieldId::pragma && list_contains(field.value, "no-cache")) {
        out.no_cache = true;
      }
    }
    return out;
  }
  for_each_directive(request, [&out](const Directive& directive) {
    if (is(directive, "no-cache")) {
      out.no_cache = true;
    } else if (is(directive, "no-store")) {
      out.no_store = true;
    } else if (is(directive, "only-if-cached")) {
      out.only_if_cached = true;
    } else if (is(directive, "max-age")) {
      take_least(out.max_age, seconds_of(directive));
    } else if (is(directive, "max-stale")) {
      take_least(out.max_stale, directive.has_value ? seconds_of(directive) : delta_seconds_max);
    } else if (is(directive, "min-fresh")) {
      const bool readable = directive.has_value && directive.readable;
      const auto seconds = readable ? parse_delta_seconds(directive.value) : std::nullopt;
      // What can't be read is the strictest: nothing is that fresh.
      out.min_fresh = std::max(out.min_fresh.value_or(0), seconds.value_or(delta_seconds_max));
    }
  });
  return out;
}

bool NamedFields::add(std::string_view list) {
  if (count_ == lists_max) return false;
  lists_[count_++] = list;
  return true;
}

bool NamedFields::has(std::string_view name) const {
  return std::any_of(lists_.begin(), lists_.begin() + count_,
                     [name](std::string_view list) { return list_contains(list, name); });
}

ResponseCacheControl response_cache_control(const Fields& answer) {
  ResponseCacheControl out;
  if (read_targeted(answer, out)) return out;
  out = {};
  for_each_directive(answer, [&out](const Directive& directive) { take_response(directive, out); });
  return out;
}

}  // namespace weir
