// Options behind the first words of a directive: "weight=3 backup slow_start=30s". A table of rows,
// one per option, from which they are read and printed; defaults are those of a T{}.
//
//   constexpr WordOption<PeerOptions> options[] = {
//       number_option<&PeerOptions::weight, 1, 65535>("weight"),
//       flag_option<&PeerOptions::backup>("backup"),
//   };
#pragma once

#include <fmt/format.h>

#include <bitset>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "conf/print.h"
#include "conf/value.h"

namespace weir::conf {

template <class T>
struct WordOption {
  std::string_view name;
  bool flag;  // stands alone; else "name=value"
  // Reads `text`, the value; says what is wrong and is false then.
  bool (*set)(Value& value, const Word& word, std::string_view text, T& out);
  std::string (*print)(const T& from);  // the value; empty: the option is not written
  bool repeats = false;                 // may stand several times; its T prints it by itself
};

namespace word_options {
template <class M>
struct Member;
template <class C, class V>
struct Member<V C::*> {
  using Class = C;
  using Type = V;
};
template <auto M>
using ClassOf = typename Member<decltype(M)>::Class;
}  // namespace word_options

template <auto M, std::uint64_t least, std::uint64_t most>
constexpr auto number_option(std::string_view name) {
  using C = word_options::ClassOf<M>;
  return WordOption<C>{
      name, false,
      [](Value& value, const Word& word, std::string_view text, C& out) {
        const auto number = parse_decimal(text);
        if (!number || *number < least || *number > most) {
          return value.bad(word,
                           fmt::format("\"{}\" is not a number of {} to {}", text, least, most));
        }
        out.*M = static_cast<typename word_options::Member<decltype(M)>::Type>(*number);
        return true;
      },
      [](const C& from) { return from.*M == C{}.*M ? std::string() : std::to_string(from.*M); }};
}

// In milliseconds.
template <auto M, std::uint64_t least, std::uint64_t most>
constexpr auto time_option(std::string_view name) {
  using C = word_options::ClassOf<M>;
  return WordOption<C>{
      name, false,
      [](Value& value, const Word& word, std::string_view text, C& out) {
        const auto time = parse_duration(text);
        const auto shown = [](std::uint64_t ms) {
          return print_duration(Duration(static_cast<Duration::rep>(ms)));
        };
        if (!time) {
          return value.bad(word, fmt::format("\"{}\" is not a time", text),
                           "units are ms, s, m, h, d and w: 1m30s");
        }
        const auto ms = static_cast<std::uint64_t>(time->count());
        if (ms < least || ms > most) {
          return value.bad(
              word, fmt::format("{} is not a time of {} to {}", text, shown(least), shown(most)));
        }
        out.*M = *time;
        return true;
      },
      [](const C& from) { return from.*M == C{}.*M ? std::string() : print_duration(from.*M); }};
}

template <auto M>
constexpr auto flag_option(std::string_view name) {
  using C = word_options::ClassOf<M>;
  return WordOption<C>{name, true,
                       [](Value&, const Word&, std::string_view, C& out) { return out.*M = true; },
                       [](const C& from) { return std::string(from.*M ? "on" : ""); }};
}

template <auto M>
constexpr auto text_option(std::string_view name) {
  using C = word_options::ClassOf<M>;
  return WordOption<C>{name, false,
                       [](Value& value, const Word& word, std::string_view text, C& out) {
                         if (text.empty() || text.find_first_of("\r\n") != text.npos) {
                           return value.bad(word, "the value is empty or has a line break");
                         }
                         out.*M = text;
                         return true;
                       },
                       [](const C& from) { return from.*M == C{}.*M ? std::string() : from.*M; }};
}

// In bytes, with the units of a SIZE.
template <auto M, std::uint64_t least, std::uint64_t most>
constexpr auto size_option(std::string_view name) {
  using C = word_options::ClassOf<M>;
  return WordOption<C>{
      name, false,
      [](Value& value, const Word& word, std::string_view text, C& out) {
        const auto size = parse_size(text);
        if (!size || size->bytes < least || size->bytes > most) {
          return value.bad(word, fmt::format("\"{}\" is not a size of {} to {}", text,
                                             print_size(Size{least}), print_size(Size{most})));
        }
        out.*M = *size;
        return true;
      },
      [](const C& from) { return from.*M == C{}.*M ? std::string() : print_size(from.*M); }};
}

// Something that none of the above reads.
template <class T>
constexpr WordOption<T> own_option(std::string_view name,
                                   bool (*set)(Value&, const Word&, std::string_view, T&),
                                   std::string (*print)(const T&), bool repeats = false) {
  return {name, false, set, print, repeats};
}

// The words from `from` on. Each option once.
template <class T, std::size_t N>
bool read_options(Value& value, std::size_t from, const WordOption<T> (&known)[N], T& out) {
  std::bitset<N> seen;
  for (std::size_t at = from; at < value.words().size(); ++at) {
    const Word& word = value.words()[at];
    const std::size_t equals = std::min(word.text.find('='), word.text.size());
    const std::string_view name = std::string_view(word.text).substr(0, equals);
    std::size_t row = 0;
    while (row < N && known[row].name != name) ++row;
    if (row == N) {
      Word bare = word;
      bare.text = std::string(name);
      std::vector<std::string_view> names;
      for (const WordOption<T>& option : known) names.push_back(option.name);
      return value.unknown(bare, names);
    }
    const bool has_value = equals < word.text.size();
    if (known[row].flag == has_value) {
      return value.bad(word, has_value ? fmt::format("{} has no value", name)
                                       : fmt::format("{} needs a value: {}=...", name, name));
    }
    if (seen[row] && !known[row].repeats)
      return value.bad(word, fmt::format("{} stands here twice", name));
    seen[row] = true;
    const std::string_view text =
        std::string_view(word.text).substr(has_value ? equals + 1 : equals);
    if (!known[row].set(value, word, text, out)) return false;
  }
  return true;
}

// " weight=3 backup": those that are not at their default.
template <class T, std::size_t N>
std::string print_options(const WordOption<T> (&known)[N], const T& from) {
  std::string out;
  for (const WordOption<T>& option : known) {
    const std::string text = option.print(from);
    if (text.empty()) continue;
    out += ' ';
    out += option.flag ? std::string(option.name) : quoted(fmt::format("{}={}", option.name, text));
  }
  return out;
}

}  // namespace weir::conf
