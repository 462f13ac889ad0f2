#include "conf/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "base/text.h"
#include "conf/directive.h"

namespace weir::conf {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// In falling order, for printing.
constexpr std::array<Unit, 6> time_units = {{{"w", 604'800'000},
                                             {"d", 86'400'000},
                                             {"h", 3'600'000},
                                             {"m", 60'000},
                                             {"s", 1'000},
                                             {"ms", 1}}};
constexpr std::array<Unit, 3> size_units = {
    {{"g", std::uint64_t{1} << 30}, {"m", std::uint64_t{1} << 20}, {"k", std::uint64_t{1} << 10}}};
constexpr std::uint64_t milliseconds_max = 3'155'760'000'000;  // a century

template <std::size_t N>
std::string with_unit(std::uint64_t number, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (number != 0 && number % unit.factor == 0) {
      return fmt::format("{}{}", number / unit.factor, unit.name);
    }
  }
  return std::to_string(number);
}

bool in_range(Value& value, std::uint64_t number, std::string (*print)(std::uint64_t)) {
  const Directive& directive = value.directive();
  const std::string& text = value.first().text;
  if (number < directive.least) {
    return value.bad(value.first(),
                     fmt::format("{} is below the least, {}", text, print(directive.least)));
  }
  if (number > directive.most) {
    return value.bad(value.first(),
                     fmt::format("{} is above the most, {}", text, print(directive.most)));
  }
  return true;
}

template <class E>
bool parse_enum(Value& value, E& out) {
  if (!value.has_words(1, SIZE_MAX)) return false;
  std::vector<std::string_view> known;
  for (const EnumWord<E>& entry : enum_words(E{})) {
    if (entry.word == value.first().text) {
      if (!entry.built) return value.not_built(value.first(), entry.word);
      if (!value.has_words(1, 1)) return false;
      out = entry.value;
      return true;
    }
    if (entry.built) known.push_back(entry.word);
  }
  return value.unknown(value.first(), known);
}

template <class E>
std::string print_enum(E value) {
  for (const EnumWord<E>& entry : enum_words(E{})) {
    if (entry.value == value) return std::string(entry.word);
  }
  assert(false && "an enumerator without a word");
  return {};
}

}  // namespace

std::string_view Value::naming_file() const {
  return where_.known() ? std::string_view(scope_.report.name(where_.file)) : std::string_view();
}

bool Value::has_words(std::size_t least, std::size_t most) {
  const auto syntax = [this] {
    return fmt::format("syntax: {} = {}", directive_.name, directive_.syntax);
  };
  if (words_.empty() && least > 0) {
    return bad(fmt::format("\"{}\" has no value", directive_.name), syntax());
  }
  if (words_.size() < least) {
    return bad(fmt::format("\"{}\" needs {} words", directive_.name, least), syntax());
  }
  if (words_.size() > most) {
    return bad(
        words_[most],
        fmt::format("\"{}\" is one word too many for {}", words_[most].text, directive_.name),
        syntax());
  }
  return true;
}

bool Value::bad(const Word& word, std::string text, std::string hint) {
  scope_.report.error(where_, word.column, std::move(text), std::move(hint));
  return false;
}

bool Value::bad(std::string text, std::string hint) {
  scope_.report.error(where_, words_.empty() ? 1 : first().column, std::move(text),
                      std::move(hint));
  return false;
}

bool Value::bad_secret(std::string text, std::string hint) {
  scope_.report.error_without_source(where_, std::move(text), std::move(hint));
  return false;
}

bool Value::unknown(const Word& word, const std::vector<std::string_view>& known) {
  std::string hint = did_you_mean(word.text, known);
  if (hint.empty()) hint = fmt::format("one of: {}", fmt::join(known, ", "));
  return bad(word, fmt::format("unknown word \"{}\" in {}", word.text, directive_.name),
             std::move(hint));
}

bool Value::not_built(const Word& word, std::string_view what) {
  return bad(word, fmt::format("\"{}\" of {} is not built yet", what, directive_.name));
}

bool Value::option(const Word& word, std::string_view name, std::string_view& value) {
  const std::string_view text = word.text;
  if (text.size() <= name.size() || !text.starts_with(name) || text[name.size()] != '=') {
    return false;
  }
  value = text.substr(name.size() + 1);
  return true;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  std::uint64_t total = 0;
  std::uint64_t last_factor = UINT64_MAX;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_decimal(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = std::find_if(time_units.begin(), time_units.end(), [&](const Unit& known) {
      return known.name == text.substr(0, letters);
    });
    if (!number || unit == time_units.end() || unit->factor >= last_factor) return std::nullopt;
    if (*number > milliseconds_max / unit->factor) return std::nullopt;
    total += *number * unit->factor;
    last_factor = unit->factor;
    text.remove_prefix(letters);
  }
  if (last_factor == UINT64_MAX || total > milliseconds_max) return std::nullopt;
  return Duration(static_cast<Duration::rep>(total));
}

std::optional<Size> parse_size(std::string_view text) {
  std::uint64_t factor = 1;
  if (!text.empty() && !is_digit(text.back())) {
    const auto unit = std::find_if(size_units.begin(), size_units.end(), [&](const Unit& known) {
      return known.name.front() == to_lower(text.back());
    });
    if (unit == size_units.end()) return std::nullopt;
    factor = unit->factor;
    text.remove_suffix(1);
  }
  const auto number = parse_decimal(text);
  if (!number || *number > (std::uint64_t{1} << 62) / factor) return std::nullopt;
  return Size{*number * factor};
}

std::string print_duration(Duration value) {
  if (value == std::chrono::minutes(1)) return "60s";  // as everybody writes it
  return with_unit(static_cast<std::uint64_t>(value.count()), time_units);
}
std::string print_size(Size value) { return with_unit(value.bytes, size_units); }

const std::vector<EnumWord<Affinity>>& enum_words(Affinity) {
  static const std::vector<EnumWord<Affinity>> words = {{"off", Affinity::off},
                                                        {"auto", Affinity::automatic}};
  return words;
}

const std::vector<EnumWord<WhenAllDown>>& enum_words(WhenAllDown) {
  static const std::vector<EnumWord<WhenAllDown>> words = {{"try", WhenAllDown::attempt},
                                                           {"fail", WhenAllDown::fail}};
  return words;
}

const std::vector<EnumWord<LogEscape>>& enum_words(LogEscape) {
  static const std::vector<EnumWord<LogEscape>> words = {
      {"default", LogEscape::standard}, {"json", LogEscape::json}, {"none", LogEscape::none}};
  return words;
}

const std::vector<EnumWord<Underscores>>& enum_words(Underscores) {
  static const std::vector<EnumWord<Underscores>> words = {
      {"off", Underscores::drop}, {"on", Underscores::keep}, {"reject", Underscores::reject}};
  return words;
}

bool parse_value(Value& value, bool& out) {
  if (!value.has_words(1, 1)) return false;
  const std::string& text = value.first().text;
  if (text != "on" && text != "off") {
    return value.bad(value.first(), fmt::format("\"{}\" is neither on nor off", text));
  }
  out = text == "on";
  return true;
}

bool parse_value(Value& value, std::uint32_t& out) {
  if (!value.has_words(1, 1)) return false;
  const auto number = parse_decimal(value.first().text);
  if (!number || *number > UINT32_MAX) {
    return value.bad(value.first(), fmt::format("\"{}\" is not a number", value.first().text));
  }
  if (!in_range(value, *number, [](std::uint64_t n) { return std::to_string(n); })) return false;
  out = static_cast<std::uint32_t>(*number);
  return true;
}

bool parse_value(Value& value, AutoCount& out) {
  if (value.is("auto")) {
    out.count = 0;
    return true;
  }
  std::uint32_t number = 0;
  if (!parse_value(value, number)) return false;
  if (number == 0) return value.bad(value.first(), "0 is neither auto nor a count");
  out.count = number;
  return true;
}

bool parse_value(Value& value, Duration& out) {
  if (!value.has_words(1, 1)) return false;
  const std::string& text = value.first().text;
  const auto parsed = parse_duration(text);
  if (!parsed) {
    return value.bad(value.first(), fmt::format("\"{}\" is not a time", text),
                     parse_decimal(text) ? fmt::format("write {0}s or {0}ms", text)
                                         : "units are ms, s, m, h, d and w: 1m30s");
  }
  if (!in_range(value, static_cast<std::uint64_t>(parsed->count()),
                [](std::uint64_t n) { return with_unit(n, time_units); })) {
    return false;
  }
  out = *parsed;
  return true;
}

bool parse_value(Value& value, Size& out) {
  if (!value.has_words(1, 1)) return false;
  const auto parsed = parse_size(value.first().text);
  if (!parsed) {
    return value.bad(value.first(), fmt::format("\"{}\" is not a size", value.first().text),
                     "bytes, or with a unit of k, m or g: 10m");
  }
  if (!in_range(value, parsed->bytes, [](std::uint64_t n) { return with_unit(n, size_units); })) {
    return false;
  }
  out = *parsed;
  return true;
}

bool parse_value(Value& value, std::string& out) {
  if (!value.has_words(1, 1)) return false;
  const std::string& text = value.first().text;
  if (text.empty()) {
    return value.bad(value.first(), fmt::format("{} is empty", value.directive().name));
  }
  if (text.find_first_of("\r\n") != text.npos) {
    return value.bad(value.first(), "a line break in the value");
  }
  out = text;
  return true;
}

bool parse_value(Value& value, Affinity& out) { return parse_enum(value, out); }
bool parse_value(Value& value, WhenAllDown& out) { return parse_enum(value, out); }
bool parse_value(Value& value, CacheEviction& out) { return parse_enum(value, out); }
bool parse_value(Value& value, CompressUpstream& out) { return parse_enum(value, out); }
bool parse_value(Value& value, LogEscape& out) { return parse_enum(value, out); }
bool parse_value(Value& value, Underscores& out) { return parse_enum(value, out); }

std::string print_value(bool value) { return value ? "on" : "off"; }
std::string print_value(std::uint32_t value) { return std::to_string(value); }
std::string print_value(AutoCount value) {
  return value.automatic() ? "auto" : std::to_string(value.count);
}
std::string print_value(Duration value) { return print_duration(value); }
std::string print_value(Size value) { return print_size(value); }
std::string print_value(const std::string& value) {
  return value.empty() ? std::string() : quoted(value);
}
std::string print_value(Affinity value) { return print_enum(value); }
std::string print_value(WhenAllDown value) { return print_enum(value); }
std::string print_value(CacheEviction value) { return print_enum(value); }
std::string print_value(CompressUpstream value) { return print_enum(value); }
std::string print_value(LogEscape value) { return print_enum(value); }
std::string print_value(Underscores value) { return print_enum(value); }

}  // namespace weir::conf
