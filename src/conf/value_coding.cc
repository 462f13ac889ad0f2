// Values of content codings: which, how hard, for which media types.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/value.h"

namespace weir::conf {
namespace {

constexpr std::size_t types_max = 128;

std::optional<ContentCoding> real_coding(std::string_view name) {
  const auto found = std::find_if(real_codings.begin(), real_codings.end(),
                                  [name](ContentCoding each) { return coding_name(each) == name; });
  return found == real_codings.end() ? std::nullopt : std::optional(*found);
}

struct LevelRange {
  int least, most;
};

// Higher ones take longer than a client that waits is worth, or stall the others.
LevelRange range_of(ContentCoding coding, bool kept) {
  switch (coding) {
    case ContentCoding::br: return {0, kept ? 11 : 9};
    case ContentCoding::zstd: return {1, kept ? 19 : 9};
    default: return {1, 9};
  }
}

// `word`: what stands for a level that is no number, and its value.
struct LevelWord {
  std::string_view text;
  int value;
};

std::optional<LevelWord> word_of(ContentCoding coding, bool kept) {
  if (kept) return LevelWord{"off", CachedLevels::off};
  const bool deflates = coding == ContentCoding::gzip || coding == ContentCoding::deflate;
  return deflates ? std::optional<LevelWord>({"fast", CodingLevels::fast}) : std::nullopt;
}

using Levels = std::array<int, content_codings>;

bool parse_level(Value& value, const Word& word, bool kept, Levels& out, Levels& seen) {
  const std::size_t colon = word.text.find(':');
  const std::string_view text = word.text;
  const auto coding = real_coding(text.substr(0, colon));
  if (!coding || colon == text.npos) {
    return value.bad(word, fmt::format("\"{}\" is not CODING:LEVEL", text),
                     "write br:5, zstd:3, gzip:6 or deflate:6");
  }
  const auto at = static_cast<std::size_t>(*coding);
  if (seen[at]++ != 0) {
    return value.bad(word, fmt::format("{} stands here twice", coding_name(*coding)));
  }
  const std::string_view level = text.substr(colon + 1);
  const auto special = word_of(*coding, kept);
  if (special && level == special->text) {
    out[at] = special->value;
    return true;
  }
  const auto number = parse_decimal(level);
  const LevelRange range = range_of(*coding, kept);
  if (!number || *number > 99 || static_cast<int>(*number) < range.least ||
      static_cast<int>(*number) > range.most) {
    return value.bad(word, fmt::format("\"{}\" is not a level of {}", level, coding_name(*coding)),
                     fmt::format("a number from {} to {}{}{}", range.least, range.most,
                                 special ? ", or " : "", special ? special->text : ""));
  }
  out[at] = static_cast<int>(*number);
  return true;
}

bool parse_levels(Value& value, bool kept, Levels& out) {
  if (!value.has_words(1, real_codings.size())) return false;
  Levels parsed = out, seen{};
  for (const Word& word : value.words()) {
    if (!parse_level(value, word, kept, parsed, seen)) return false;
  }
  out = parsed;
  return true;
}

std::string print_levels(const Levels& levels, bool kept) {
  std::string out;
  for (const ContentCoding coding : real_codings) {
    const int level = levels[static_cast<std::size_t>(coding)];
    const auto special = word_of(coding, kept);
    if (!out.empty()) out += ' ';
    out += coding_name(coding);
    out += ':';
    out += special && special->value == level ? std::string(special->text) : std::to_string(level);
  }
  return out;
}

// By ContentCoding: identity, gzip, deflate, br, zstd.
constexpr Levels passing_defaults = {0, CodingLevels::fast, CodingLevels::fast, 2, 1};
constexpr Levels kept_defaults = {CachedLevels::off, 9, 9, 9, 15};

}  // namespace

const std::vector<EnumWord<CompressUpstream>>& enum_words(CompressUpstream) {
  static const std::vector<EnumWord<CompressUpstream>> words = {{"off", CompressUpstream::off},
                                                                {"pass", CompressUpstream::pass}};
  return words;
}

bool parse_value(Value& value, CodingList& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (!value.has_words(1, real_codings.size())) return false;
  CodingList parsed;
  for (const Word& word : value.words()) {
    const auto coding = real_coding(word.text);
    if (!coding) {
      return value.bad(word, fmt::format("\"{}\" is not a coding", word.text),
                       "one or more of br, zstd, gzip, deflate, or off");
    }
    if (std::find(parsed.codings.begin(), parsed.codings.end(), *coding) != parsed.codings.end()) {
      return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    }
    parsed.codings.push_back(*coding);
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, CodingLevels& out) {
  Levels levels = passing_defaults;
  if (!parse_levels(value, false, levels)) return false;
  out.levels = levels;
  return true;
}

bool parse_value(Value& value, CachedLevels& out) {
  Levels levels = kept_defaults;
  if (value.is("off")) {
    levels.fill(CachedLevels::off);
  } else if (!parse_levels(value, true, levels)) {
    return false;
  }
  out.levels = levels;
  return true;
}

bool parse_value(Value& value, MediaTypes& out) {
  if (!value.has_words(1, types_max)) return false;
  MediaTypes parsed;
  for (const Word& word : value.words()) {
    if (parsed.has(word.text)) {
      return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    }
    if (!parsed.add(word.text)) {
      return value.bad(word, fmt::format("\"{}\" is not a media type", word.text),
                       "write text/html, text/*, +json or *");
    }
  }
  out = std::move(parsed);
  return true;
}

std::string print_value(const CodingList& value) {
  if (value.codings.empty()) return "off";
  std::string out;
  for (const ContentCoding coding : value.codings) {
    if (!out.empty()) out += ' ';
    out += coding_name(coding);
  }
  return out;
}

std::string print_value(const CodingLevels& value) { return print_levels(value.levels, false); }
std::string print_value(const CachedLevels& value) { return print_levels(value.levels, true); }

std::string print_value(const MediaTypes& value) {
  return fmt::format("{}", fmt::join(value.patterns(), " "));
}

}  // namespace weir::conf
