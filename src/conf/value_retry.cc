// Values of an upstream: when a request is tried again, and when a second peer is asked beside the
// first.
#include <fmt/format.h>

#include "base/text.h"
#include "conf/value.h"
#include "conf/word_options.h"

namespace weir::conf {
namespace {

struct OnWord {
  std::string_view word;
  std::uint32_t bits;
};
// What stands for several bits comes first: it is printed for them.
constexpr OnWord on_words[] = {
    {"error", RetryConf::error},       {"timeout", RetryConf::timeout},
    {"invalid", RetryConf::invalid},   {"http_5xx", RetryConf::http_5xx},
    {"http_500", RetryConf::http_500}, {"http_502", RetryConf::http_502},
    {"http_503", RetryConf::http_503}, {"http_504", RetryConf::http_504},
    {"http_429", RetryConf::http_429}, {"http_403", RetryConf::http_403},
    {"http_404", RetryConf::http_404}, {"non_idempotent", RetryConf::non_idempotent},
};

bool read_on(Value& value, const Word& word, std::string_view text, RetryConf& out) {
  std::uint32_t bits = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view name = text.substr(at, comma - at);
    std::size_t row = 0;
    while (row < std::size(on_words) && on_words[row].word != name) ++row;
    if (row == std::size(on_words)) {
      Word bare = word;
      bare.text = std::string(name);
      std::vector<std::string_view> known;
      for (const OnWord& on : on_words) known.push_back(on.word);
      return value.unknown(bare, known);
    }
    bits |= on_words[row].bits;
    at = comma + 1;
  }
  if ((bits & ~std::uint32_t{RetryConf::non_idempotent}) == 0) {
    return value.bad(word, "on= names nothing that goes wrong", "write on=error,non_idempotent");
  }
  out.on = bits;
  return true;
}

std::string print_on(const RetryConf& from) {
  if (from.on == RetryConf{}.on) return {};
  std::string out;
  std::uint32_t left = from.on;
  for (const OnWord& row : on_words) {
    if ((left & row.bits) != row.bits || row.bits == 0) continue;
    left &= ~row.bits;
    if (!out.empty()) out += ',';
    out += row.word;
  }
  return out;
}

bool read_budget(Value& value, const Word& word, std::string_view text, RetryConf& out) {
  const auto percent = text.ends_with('%') ? parse_decimal(text.substr(0, text.size() - 1))
                                           : std::optional<std::uint64_t>();
  if (!percent || *percent > 100) {
    return value.bad(word, fmt::format("\"{}\" is not a share of 0% to 100%", text));
  }
  out.budget = static_cast<std::uint32_t>(*percent);
  return true;
}

std::string print_budget(const RetryConf& from) {
  return from.budget == RetryConf{}.budget ? std::string() : fmt::format("{}%", from.budget);
}

constexpr WordOption<RetryConf> retry_options[] = {
    number_option<&RetryConf::tries, 1, 10>("tries"),
    own_option<RetryConf>("on", read_on, print_on),
    own_option<RetryConf>("budget", read_budget, print_budget),
    time_option<&RetryConf::backoff, 0, 60'000>("backoff"),
    time_option<&RetryConf::per_try_timeout, 0, 3'600'000>("per_try_timeout"),
};

constexpr std::uint32_t percentile_least = 50, percentile_most = 99;

}  // namespace

bool parse_value(Value& value, RetryConf& out) {
  if (!value.has_words(1, std::size(retry_options))) return false;
  RetryConf parsed;
  if (value.is("off")) {
    parsed.tries = 1;
    parsed.on = 0;
  } else if (!value.is("connect")) {
    if (!read_options(value, 0, retry_options, parsed)) return false;
    if (parsed.tries == 0) return value.bad("tries=N is missing", "tries=2: once more");
  }
  out = parsed;
  return true;
}

std::string print_value(const RetryConf& value) {
  if (value.is_off()) return "off";
  if (value.tries == 0) return "connect";
  return print_options(retry_options, value).substr(1);
}

// after pNN
bool parse_value(Value& value, HedgeConf& out) {
  if (!value.has_words(1, 2)) return false;
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (value.first().text != "after") return value.unknown(value.first(), {"off", "after"});
  if (!value.has_words(2, 2)) return false;
  const std::string_view text = value.words()[1].text;
  const auto percentile =
      text.starts_with('p') ? parse_decimal(text.substr(1)) : std::optional<std::uint64_t>();
  if (!percentile || *percentile < percentile_least || *percentile > percentile_most) {
    return value.bad(value.words()[1], fmt::format("\"{}\" is not a percentile of p{} to p{}", text,
                                                   percentile_least, percentile_most));
  }
  out.percentile = static_cast<std::uint32_t>(*percentile);
  return true;
}

std::string print_value(const HedgeConf& value) {
  return value.percentile == 0 ? "off" : fmt::format("after p{}", value.percentile);
}

}  // namespace weir::conf
