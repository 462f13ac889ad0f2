// Values of a [cache]: what is kept, for how long, and by which methods and fields; and which
// [cache] a place uses.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "conf/value.h"
#include "http/fields.h"
#include "http/syntax.h"

namespace weir::conf {
namespace {

constexpr std::size_t statuses_max = 64;
constexpr std::size_t key_fields_max = 16;
constexpr std::size_t conditions_max = 16;
constexpr Duration ttl_most = std::chrono::hours(24 * 365);

// Their values are different for each client or hop, so that nothing would ever be found again, or
// decide elsewhere (Host is in $host, Range never changes what is stored).
bool is_no_key(FieldId id) {
  switch (id) {
    case FieldId::host:
    case FieldId::range:
    case FieldId::if_range:
    case FieldId::if_match:
    case FieldId::if_none_match:
    case FieldId::if_modified_since:
    case FieldId::if_unmodified_since:
    case FieldId::cache_control:
    case FieldId::pragma:
    case FieldId::expect: return true;
    default:
      return (field_properties(id) & (field_property::one_hop | field_property::framing)) != 0;
  }
}

// "200,301" of "200,301:5m". `seen`: what stood before.
bool add_statuses(Value& value, const Word& word, std::string_view list, Duration ttl,
                  std::set<std::uint16_t>& seen, StatusTtls& out) {
  for (const std::string_view text : split(list, ',')) {
    const auto status = text == "any" ? std::optional<std::uint64_t>(0) : parse_decimal(text);
    const bool known = status && (text == "any" || (*status >= 200 && *status <= 599));
    if (!known || text.size() != 3) {
      return value.bad(word, fmt::format("\"{}\" is not a status between 200 and 599", text),
                       "write 200,301:5m, or any:10s for all others");
    }
    if (text == "206" || text == "304") {
      return value.bad(word, fmt::format("answers with status {} are never kept", text));
    }
    const auto number = static_cast<std::uint16_t>(*status);
    if (!seen.insert(number).second) {
      return value.bad(word, fmt::format("\"{}\" stands here twice", text));
    }
    if (out.rows.size() == statuses_max) {
      return value.bad(word, fmt::format("more than {} statuses", statuses_max));
    }
    out.rows.push_back({number, ttl});
  }
  return true;
}

}  // namespace

const std::vector<EnumWord<CacheEviction>>& enum_words(CacheEviction) {
  static const std::vector<EnumWord<CacheEviction>> words = {{"s3fifo", CacheEviction::s3fifo},
                                                             {"lru", CacheEviction::lru}};
  return words;
}

bool parse_value(Value& value, OptionalTime& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  Duration time{};
  if (!parse_value(value, time)) return false;
  out.time = time;
  return true;
}

bool parse_value(Value& value, StatusTtls& out) {
  if (!value.has_words(1, statuses_max)) return false;
  StatusTtls parsed;
  std::set<std::uint16_t> seen;
  for (const Word& word : value.words()) {
    const std::string_view text = word.text;
    const std::size_t colon = text.find(':');
    if (colon == text.npos) {
      return value.bad(word, fmt::format("\"{}\" is not STATUS:TIME", text),
                       "write 200,301:5m, or any:10s for all others");
    }
    const auto time = parse_duration(text.substr(colon + 1));
    if (!time || *time > ttl_most) {
      return value.bad(word, fmt::format("\"{}\" is not a time of 0 to {}", text.substr(colon + 1),
                                         print_duration(ttl_most)));
    }
    if (!add_statuses(value, word, text.substr(0, colon), *time, seen, parsed)) return false;
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, CacheMethods& out) {
  constexpr std::array<std::string_view, 3> known = {"GET", "HEAD", "POST"};
  if (!value.has_words(1, known.size())) return false;
  std::array<bool, known.size()> has{};
  for (const Word& word : value.words()) {
    const auto at = std::find(known.begin(), known.end(), word.text);
    if (at == known.end()) {
      return value.bad(word, fmt::format("answers to \"{}\" can't be kept", word.text),
                       "one or more of GET, HEAD, POST");
    }
    bool& here = has.at(static_cast<std::size_t>(at - known.begin()));
    if (here) return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    here = true;
  }
  if (!has[0]) return value.bad("GET is missing", "it is always kept: write it first");
  out = {has[1], has[2]};
  return true;
}

bool parse_value(Value& value, FieldNames& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (!value.has_words(1, key_fields_max)) return false;
  FieldNames parsed;
  for (const Word& word : value.words()) {
    std::string name = lower(word.text);
    if (!is_token(name)) {
      return value.bad(word, fmt::format("\"{}\" is not a field name", word.text),
                       word.text.ends_with(':') ? "remove the ':'" : "");
    }
    if (is_no_key(field_id(name))) {
      return value.bad(word, fmt::format("{} can't be part of a key", word.text));
    }
    if (std::find(parsed.names.begin(), parsed.names.end(), name) != parsed.names.end()) {
      return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    }
    parsed.names.push_back(std::move(name));
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, Conditions& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (!value.has_words(1, conditions_max)) return false;
  Conditions parsed;
  for (const Word& word : value.words()) {
    Template condition;
    if (!parse_template(value, word, condition)) return false;
    if (condition.is_constant()) {
      return value.bad(word, fmt::format("\"{}\" is the same for every request", word.text),
                       "write a $variable: $cookie_session, $arg_nocache, $http_pragma");
    }
    parsed.any_of.push_back(std::move(condition));
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, CacheRef& out) {
  if (!value.has_words(1, 1)) return false;
  if (value.is("off")) {
    out = {};
    return true;
  }
  const std::string& text = value.first().text;
  if (text.empty() || text.find_first_of(" \t\n\r:/") != text.npos) {
    return value.bad(value.first(), fmt::format("\"{}\" is not the name of a section", text),
                     "write [cache NAME], and cache = NAME here");
  }
  out = {text, nullptr};
  return true;
}

bool parse_value(Value& value, CacheKey& out) {
  if (!value.has_words(1, 1)) return false;
  const Word& word = value.first();
  if (std::any_of(word.text.begin(), word.text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return value.bad(word, "a control byte in a key");
  }
  Template parsed;
  if (!parse_template(value, word, parsed)) return false;
  if (parsed.is_constant()) {
    return value.bad(word, "the key is the same for every request",
                     "write $variables: $scheme$host$request_uri");
  }
  out.text = std::move(parsed);
  return true;
}

std::string print_value(const OptionalTime& value) {
  return value.time ? print_duration(*value.time) : "off";
}

// Statuses that follow one another and have the same time are written together.
std::string print_value(const StatusTtls& value) {
  std::string out;
  for (std::size_t at = 0; at < value.rows.size(); ++at) {
    const StatusTtls::Row& row = value.rows[at];
    const bool joins = at > 0 && value.rows[at - 1].ttl == row.ttl;
    if (at > 0 && !joins) out += ':' + print_duration(value.rows[at - 1].ttl) + ' ';
    if (joins) out += ',';
    out += row.status == 0 ? "any" : std::to_string(row.status);
  }
  if (!value.rows.empty()) out += ':' + print_duration(value.rows.back().ttl);
  return out;
}

std::string print_value(const CacheMethods& value) {
  return fmt::format("GET{}{}", value.head ? " HEAD" : "", value.post ? " POST" : "");
}

std::string print_value(const FieldNames& value) {
  return value.names.empty() ? "off" : fmt::format("{}", fmt::join(value.names, " "));
}

std::string print_value(const Conditions& value) {
  if (value.any_of.empty()) return "off";
  std::string out;
  for (const Template& condition : value.any_of) {
    if (!out.empty()) out += ' ';
    out += quoted(condition.source());
  }
  return out;
}

std::string print_value(const CacheRef& value) { return value.name.empty() ? "off" : value.name; }

std::string print_value(const CacheKey& value) { return quoted(value.text.source()); }

}  // namespace weir::conf
