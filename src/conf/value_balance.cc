// balance: how the peer of a request is chosen.
#include <fmt/format.h>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/value.h"
#include "conf/word_options.h"

namespace weir::conf {
namespace {

struct BalanceWord {
  std::string_view word;
  Balance kind;
};
constexpr BalanceWord balance_words[] = {
    {"round_robin", Balance::round_robin},
    {"least_conn", Balance::least_conn},
    {"random", Balance::random},
    {"least_time", Balance::least_time},
    {"hash", Balance::hash},
    {"ip_hash", Balance::ip_hash},
    {"first", Balance::first},
    {"least_load", Balance::least_load},
};

bool set_key(Value& value, const Word& word, std::string_view text, BalanceConf& out) {
  Word of_value = word;
  of_value.column += static_cast<std::uint32_t>(word.text.size() - text.size());
  of_value.text = text;
  if (!parse_template(value, of_value, out.key)) return false;
  if (out.key.is_constant()) {
    return value.bad(of_value, "the key is the same for all requests",
                     "write what tells them apart: key=$request_uri");
  }
  return true;
}

// "1.25": percent, of which nothing is lost.
bool set_bounded_load(Value& value, const Word& word, std::string_view text, BalanceConf& out) {
  constexpr std::uint64_t least = 101, most = 10'000;
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::string hundredths(text.substr(std::min(dot + 1, text.size())));
  const bool two_at_most = hundredths.size() <= 2 && (dot == text.size()) == hundredths.empty();
  hundredths.resize(2, '0');
  const auto whole = parse_decimal(text.substr(0, dot)), part = parse_decimal(hundredths);
  if (two_at_most && whole && part && *whole <= most) {
    const std::uint64_t percent = *whole * 100 + *part;
    if (percent >= least && percent <= most) {
      out.bounded_load = static_cast<std::uint32_t>(percent);
      return true;
    }
  }
  return value.bad(word, fmt::format("\"{}\" is not a number of 1.01 to 100", text),
                   "how much of the mean load a peer takes: bounded_load=1.25");
}

std::string print_bounded_load(const BalanceConf& from) {
  if (from.bounded_load == 0) return {};
  return fmt::format("{}.{:02}", from.bounded_load / 100, from.bounded_load % 100);
}

constexpr WordOption<BalanceConf> hash_options[] = {
    own_option<BalanceConf>("key", set_key,
                            [](const BalanceConf& from) { return std::string(from.key.source()); }),
    own_option<BalanceConf>("bounded_load", set_bounded_load, print_bounded_load),
};

// "random" is followed by how many are drawn, which is two.
bool read_random(Value& value) {
  if (value.words().size() == 2 && value.words()[1].text == "two") return true;
  return value.bad(value.words().back(), "two peers are drawn, and the less busy one is taken",
                   "write random two");
}

bool read_rest(Value& value, BalanceConf& out) {
  if (out.kind == Balance::random) return read_random(value);
  if (out.kind != Balance::hash) return value.has_words(1, 1);
  if (!read_options(value, 1, hash_options, out)) return false;
  if (!out.key.source().empty()) return true;
  return value.bad(value.first(), "hash needs a key", "write hash key=$request_uri");
}

}  // namespace

bool parse_value(Value& value, BalanceConf& out) {
  if (!value.has_words(1, 3)) return false;
  std::vector<std::string_view> known;
  for (const BalanceWord& row : balance_words) {
    known.push_back(row.word);
    if (row.word != value.first().text) continue;
    BalanceConf parsed;
    parsed.kind = row.kind;
    if (!read_rest(value, parsed)) return false;
    out = std::move(parsed);
    return true;
  }
  return value.unknown(value.first(), known);
}

std::string print_value(const BalanceConf& value) {
  if (value.kind == Balance::random) return "random two";
  for (const BalanceWord& row : balance_words) {
    if (row.kind == value.kind) return std::string(row.word) + print_options(hash_options, value);
  }
  assert(false && "a balance without a word");
  return {};
}

}  // namespace weir::conf
