// Values of an upstream that say when a peer is well: health_check, fail_on.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/value.h"
#include "conf/word_options.h"
#include "http/fields.h"
#include "http/syntax.h"

namespace weir::conf {
namespace {

using Check = HealthCheckConf::Kind;

constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::size_t headers_max = 32;

struct KindWord {
  std::string_view word;
  Check kind;
};
constexpr KindWord kind_words[] = {
    {"off", Check::off}, {"http", Check::http}, {"tcp", Check::tcp}, {"tls", Check::tls}};

const KindWord* find_check(std::string_view word) {
  for (const KindWord& row : kind_words) {
    if (row.word == word) return &row;
  }
  return nullptr;
}

std::string_view word_of(Check kind) {
  for (const KindWord& row : kind_words) {
    if (row.kind == kind) return row.word;
  }
  return {};
}

bool set_kind(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  const KindWord* const row = find_check(text);
  if (row == nullptr) {
    return value.bad(word, fmt::format("\"{}\" is not a kind of health check", text),
                     "write http, tcp, tls or off");
  }
  out.kind = row->kind;
  return true;
}

bool set_uri(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  const auto visible = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (!text.starts_with('/') || !std::all_of(text.begin(), text.end(), visible)) {
    return value.bad(word, fmt::format("\"{}\" is not a path", text),
                     "it begins with / and has no blank and no #");
  }
  out.uri = text;
  return true;
}

bool set_method(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  if (!is_token(text) || text == "CONNECT") {
    return value.bad(word, fmt::format("\"{}\" is not a method of a probe", text));
  }
  out.method = text;
  return true;
}

bool set_host(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  const auto allowed = [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), allowed)) {
    return value.bad(word, fmt::format("\"{}\" is not a host", text));
  }
  out.host = text;
  return true;
}

bool set_header(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view content = colon == text.npos ? "" : trim(text.substr(colon + 1));
  if (colon == text.npos || !is_token(name) || !is_field_value(content)) {
    return value.bad(word, fmt::format("\"{}\" is not a field", text),
                     "write header=\"NAME: VALUE\"");
  }
  const std::uint8_t properties = field_properties(field_id(name));
  if ((properties & (field_property::one_hop | field_property::framing)) != 0) {
    return value.bad(word, fmt::format("{} is weir's own to say", name));
  }
  if (field_id(name) == FieldId::host) return value.bad(word, "write host=NAME for Host");
  if (out.headers.size() == headers_max) {
    return value.bad(word, fmt::format("there are more than {} headers", headers_max));
  }
  out.headers.push_back(fmt::format("{}: {}", name, content));
  return true;
}

bool parse_range(std::string_view text, StatusRange& out) {
  const std::size_t dash = text.find('-');
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_decimal(text.substr(dash + 1));
  if (!first || !last || *first < 200 || *last > 599 || *first > *last) return false;
  out = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
  return true;
}

bool set_status(Value& value, const Word& word, std::string_view text, HealthCheckConf& out) {
  std::vector<StatusRange> parsed;
  for (const std::string_view part : split(text, ',')) {
    StatusRange range;
    if (!parse_range(part, range)) {
      return value.bad(word, fmt::format("\"{}\" is not a status or a range of 200 to 599", part),
                       "write status=200-399,404");
    }
    parsed.push_back(range);
  }
  out.status = std::move(parsed);
  return true;
}

std::string print_status(const HealthCheckConf& from) {
  if (from.status == HealthCheckConf{}.status) return {};
  std::string out;
  for (const StatusRange& range : from.status) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first);
    if (range.last != range.first) out += fmt::format("-{}", range.last);
  }
  return out;
}

template <auto M>
std::string print_text(const HealthCheckConf& from) {
  return from.*M == HealthCheckConf{}.*M ? std::string() : from.*M;
}

using C = HealthCheckConf;
constexpr WordOption<C> health_options[] = {
    own_option<C>("type", set_kind, [](const C&) { return std::string(); }),
    own_option<C>("uri", set_uri, print_text<&C::uri>),
    own_option<C>("method", set_method, print_text<&C::method>),
    own_option<C>("host", set_host, print_text<&C::host>),
    own_option<C>(
        "header", set_header, [](const C&) { return std::string(); }, true),
    own_option<C>("status", set_status, print_status),
    text_option<&C::body>("body"),
    text_option<&C::body_regex>("body_regex"),
    size_option<&C::body_max, 1, std::uint64_t{1} << 20>("body_max"),
    time_option<&C::interval, 100, day_ms>("interval"),
    time_option<&C::timeout, 10, day_ms>("timeout"),
    time_option<&C::slow_interval, 100, day_ms>("slow_interval"),
    number_option<&C::fails, 1, 1000>("fails"),
    number_option<&C::passes, 1, 1000>("passes"),
    number_option<&C::jitter, 0, 50>("jitter"),
    number_option<&C::port, 1, 65'535>("port"),
    number_option<&C::agent_port, 1, 65'535>("agent_port"),
};

// What is of use with http alone.
constexpr std::array<std::string_view, 8> http_options = {
    "uri", "method", "host", "header", "status", "body", "body_regex", "body_max"};

// An option that the kind of the check has no use for is a mistake.
bool options_fit(Value& value, std::size_t from, const C& parsed) {
  for (std::size_t at = from; at < value.words().size(); ++at) {
    const Word& word = value.words()[at];
    const std::string_view name = std::string_view(word.text).substr(0, word.text.find('='));
    const bool http =
        std::find(http_options.begin(), http_options.end(), name) != http_options.end();
    if (http && parsed.kind != Check::http) {
      return value.bad(word, fmt::format("{} is for http", name));
    }
    if (parsed.kind == Check::off && name != "type") {
      return value.bad(word, fmt::format("{} is of no use with off", name));
    }
  }
  return true;
}

}  // namespace

bool parse_value(Value& value, HealthCheckConf& out) {
  if (!value.has_words(1, 64)) return false;
  HealthCheckConf parsed;
  parsed.kind = Check::http;
  std::size_t options_from = 0;
  if (value.first().text.find('=') == std::string::npos) {
    const KindWord* const row = find_check(value.first().text);
    if (row == nullptr) return value.unknown(value.first(), {"off", "http", "tcp", "tls"});
    parsed.kind = row->kind;
    options_from = 1;
  }
  if (!read_options(value, options_from, health_options, parsed)) return false;
  if (!options_fit(value, options_from, parsed)) return false;
  out = std::move(parsed);
  return true;
}

std::string print_value(const HealthCheckConf& value) {
  std::string out(word_of(value.kind));
  out += print_options(health_options, value);
  for (const std::string& header : value.headers) out += " " + quoted("header=" + header);
  return out;
}

namespace {

struct FailWord {
  std::string_view word;
  std::uint32_t bits;
};
constexpr FailWord fail_words[] = {
    {"error", RetryConf::error},       {"timeout", RetryConf::timeout},
    {"invalid", RetryConf::invalid},   {"http_5xx", RetryConf::http_5xx},
    {"http_500", RetryConf::http_500}, {"http_502", RetryConf::http_502},
    {"http_503", RetryConf::http_503}, {"http_504", RetryConf::http_504},
    {"http_429", RetryConf::http_429}, {"http_403", RetryConf::http_403},
    {"http_404", RetryConf::http_404},
};

}  // namespace

bool parse_value(Value& value, FailOn& out) {
  if (!value.has_words(1, 1)) return false;
  FailOn parsed{0};
  for (const std::string_view part : split(value.first().text, ',')) {
    const auto row = std::find_if(std::begin(fail_words), std::end(fail_words),
                                  [part](const FailWord& known) { return known.word == part; });
    if (row == std::end(fail_words)) {
      Word bare = value.first();
      bare.text = std::string(part);
      std::vector<std::string_view> known;
      for (const FailWord& word : fail_words) known.push_back(word.word);
      return value.unknown(bare, known);
    }
    parsed.bits |= row->bits;
  }
  out = parsed;
  return true;
}

std::string print_value(FailOn value) {
  std::string out;
  for (const FailWord& row : fail_words) {
    if ((value.bits & row.bits) != row.bits) continue;
    if (!out.empty()) out += ',';
    out += row.word;
    value.bits &= ~row.bits;  // http_5xx says it for its four
  }
  return out;
}

}  // namespace weir::conf
