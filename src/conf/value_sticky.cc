// sticky: how the requests of a client stay with a peer.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/value.h"
#include "conf/word_options.h"
#include "http/syntax.h"

namespace weir::conf {
namespace {

constexpr std::uint64_t year_ms = 366ULL * 86'400'000;
constexpr std::size_t secret_bytes_least = 32;

// What may stand in an attribute of a cookie (RFC 6265 §4.1.1: av-octet).
bool is_attribute(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c >= ' ' && c < 127 && c != ';'; });
}

template <std::string StickyConf::*Member>
bool set_attribute(Value& value, const Word& word, std::string_view text, StickyConf& out) {
  if (!is_attribute(text)) return value.bad(word, "an attribute of a cookie has no such value");
  out.*Member = text;
  return true;
}

struct SameSiteWord {
  std::string_view word;
  StickyConf::SameSite value;
};
constexpr SameSiteWord same_site_words[] = {{"lax", StickyConf::SameSite::lax},
                                            {"strict", StickyConf::SameSite::strict},
                                            {"none", StickyConf::SameSite::none}};

bool set_same_site(Value& value, const Word& word, std::string_view text, StickyConf& out) {
  for (const SameSiteWord& row : same_site_words) {
    if (row.word != text) continue;
    out.same_site = row.value;
    return true;
  }
  return value.bad(word, fmt::format("samesite is lax, strict or none, not \"{}\"", text));
}

std::string print_same_site(const StickyConf& from) {
  for (const SameSiteWord& row : same_site_words) {
    if (row.value == from.same_site) return std::string(row.word);
  }
  return {};
}

// The key is two hashes of the file: equal files, equal keys, wherever they are.
bool set_secret(Value& value, const Word& word, std::string_view text, StickyConf& out) {
  const std::string path = relative_to_file(text, value.naming_file());
  const InputFile& file = value.inputs().file(path);
  if (!file.ok()) return value.bad(word, fmt::format("{}: {}", path, file.error));
  if (file.bytes.size() < secret_bytes_least) {
    return value.bad(word, fmt::format("{} has less than {} bytes", path, secret_bytes_least),
                     "head -c 32 /dev/urandom makes a good one");
  }
  out.secret_file.path = path;
  out.secret = {siphash({0, 0}, file.bytes), siphash({0, 1}, file.bytes)};
  return true;
}

std::string print_path(const StickyConf& from) {
  return from.path == StickyConf{}.path ? std::string() : from.path;
}

constexpr WordOption<StickyConf> cookie_options[] = {
    time_option<&StickyConf::expires, 1'000, year_ms>("expires"),
    own_option<StickyConf>("domain", set_attribute<&StickyConf::domain>,
                           [](const StickyConf& from) { return from.domain; }),
    own_option<StickyConf>("path", set_attribute<&StickyConf::path>, print_path),
    flag_option<&StickyConf::http_only>("httponly"),
    flag_option<&StickyConf::secure>("secure"),
    own_option<StickyConf>("samesite", set_same_site, print_same_site),
    own_option<StickyConf>("secret", set_secret,
                           [](const StickyConf& from) { return from.secret_file.path; }),
};
constexpr WordOption<StickyConf> learn_options[] = {
    time_option<&StickyConf::expires, 1'000, 7 * 86'400'000>("expires"),
};

bool set_name(Value& value, const Word& word, StickyConf& out) {
  if (!is_token(word.text)) {
    return value.bad(word, fmt::format("\"{}\" is not a name", word.text));
  }
  out.name = word.text;
  return true;
}

bool parse_cookie(Value& value, StickyConf& out) {
  if (!value.has_words(2, 9) || !set_name(value, value.words()[1], out)) return false;
  if (!read_options(value, 2, cookie_options, out)) return false;
  if (out.same_site == StickyConf::SameSite::none && !out.secure) {
    return value.bad("browsers refuse samesite=none without secure", "add secure");
  }
  return true;
}

bool parse_learn(Value& value, StickyConf& out) {
  if (!value.has_words(3, 4)) return false;
  const Word& from = value.words()[1];
  if (from.text != "cookie" && from.text != "header") {
    return value.unknown(from, {"cookie", "header"});
  }
  out.learn_header = from.text == "header";
  out.expires = Duration(3'600'000);
  return set_name(value, value.words()[2], out) && read_options(value, 3, learn_options, out);
}

}  // namespace

bool parse_value(Value& value, StickyConf& out) {
  if (!value.has_words(1, 9)) return false;
  StickyConf parsed;
  const std::string_view kind = value.first().text;
  if (kind == "off") {
    if (!value.has_words(1, 1)) return false;
  } else if (kind == "cookie") {
    parsed.kind = StickyConf::Kind::cookie;
    if (!parse_cookie(value, parsed)) return false;
  } else if (kind == "header") {
    parsed.kind = StickyConf::Kind::header;
    if (!value.has_words(2, 2) || !set_name(value, value.words()[1], parsed)) return false;
  } else if (kind == "learn") {
    parsed.kind = StickyConf::Kind::learn;
    if (!parse_learn(value, parsed)) return false;
  } else {
    return value.unknown(value.first(), {"off", "cookie", "header", "learn"});
  }
  out = std::move(parsed);
  return true;
}

std::string print_value(const StickyConf& value) {
  switch (value.kind) {
    case StickyConf::Kind::off: return "off";
    case StickyConf::Kind::cookie:
      return fmt::format("cookie {}{}", value.name, print_options(cookie_options, value));
    case StickyConf::Kind::header: return fmt::format("header {}", value.name);
    case StickyConf::Kind::learn:
      return fmt::format("learn {} {}{}", value.learn_header ? "header" : "cookie", value.name,
                         print_options(learn_options, value));
  }
  return {};
}

}  // namespace weir::conf
