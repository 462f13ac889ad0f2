// Values that speak of HTTP: templates, header fields, paths, answers, log formats.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/value.h"
#include "http/syntax.h"

namespace weir::conf {
namespace {

constexpr std::size_t names_in_a_value_max = 16;

bool has_line_break(std::string_view text) { return text.find_first_of("\r\n") != text.npos; }

// These carry the framing of a message or belong to one connection: weir writes them itself.
bool is_framing_field(std::string_view name) {
  constexpr std::array<std::string_view, 8> names = {
      "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
      "trailer",        "proxy-connection"};
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view known) { return iequals(name, known); });
}

bool header_name(Value& value, const Word& word) {
  if (!is_token(word.text)) {
    return value.bad(word, fmt::format("\"{}\" is not a field name", word.text),
                     word.text.ends_with(':') ? "remove the ':'" : "");
  }
  if (is_framing_field(word.text)) {
    return value.bad(word, fmt::format("{} is written by weir alone", word.text));
  }
  return true;
}

constexpr std::array<std::pair<std::string_view, RewriteConf::Flag>, 4> rewrite_flags = {{
    {"last", RewriteConf::Flag::last},
    {"break", RewriteConf::Flag::stop},
    {"redirect", RewriteConf::Flag::redirect},
    {"permanent", RewriteConf::Flag::permanent},
}};

bool reference(Value& value, const Word& word) {
  if (!word.text.empty() && word.text.find_first_of(" \t\n\r:") == word.text.npos) return true;
  return value.bad(word, fmt::format("\"{}\" is not the name of a section", word.text));
}

}  // namespace

bool parse_template(Value& value, const Word& word, Template& out) {
  TemplateProblem problem;
  if (Template::compile(word.text, out, problem)) return true;
  std::string hint;
  std::string text(problem.what);
  if (!problem.name.empty()) {
    text = fmt::format("unknown variable \"${}\"", problem.name);
    const std::string_view near = nearest_variable(problem.name);
    if (!near.empty()) hint = fmt::format("did you mean \"${}\"?", near);
  }
  Word at = word;
  // An escape takes two columns in the line and one byte here: the caret is then a little early.
  at.column += static_cast<std::uint32_t>(problem.position) + (word.quoted ? 1 : 0);
  return value.bad(at, std::move(text), std::move(hint));
}

bool parse_value(Value& value, LogFormat& out) {
  if (!value.has_words(1, 1)) return false;
  LogFormat parsed;
  const Word& word = value.first();
  if (!word.quoted && word.text == "combined") {
    parsed.kind = LogFormat::Kind::combined;
  } else if (!word.quoted && word.text == "json") {
    parsed.kind = LogFormat::Kind::json;
  } else if (!word.quoted) {
    return value.bad(word, fmt::format("unknown format \"{}\"", word.text),
                     "combined, json, or text with $variables in double quotes");
  } else {
    parsed.kind = LogFormat::Kind::custom;
    if (has_line_break(word.text)) return value.bad(word, "a line break in a log format");
    if (word.text.empty()) return value.bad(word, "the format is empty");
    if (!parse_template(value, word, parsed.custom)) return false;
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, TlsProtocols& out) {
  if (!value.has_words(1, 2)) return false;
  TlsProtocols parsed;
  for (const Word& word : value.words()) {
    if (word.text == "TLSv1.2") {
      parsed.tls12 = true;
    } else if (word.text == "TLSv1.3") {
      parsed.tls13 = true;
    } else if (word.text == "SSLv3" || word.text == "TLSv1" || word.text == "TLSv1.1") {
      return value.bad(word, fmt::format("{} is not offered: it is broken", word.text));
    } else {
      return value.unknown(word, {"TLSv1.2", "TLSv1.3"});
    }
  }
  out = parsed;
  return true;
}

bool parse_value(Value& value, MinRate& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (!value.has_words(1, 3)) return false;
  MinRate parsed{0, std::chrono::seconds(30), std::chrono::seconds(10)};
  const auto rate = parse_size(value.first().text);
  if (!rate || rate->bytes == 0) {
    return value.bad(value.first(),
                     fmt::format("\"{}\" is not a rate in bytes per second", value.first().text),
                     "off, or a size like 240");
  }
  parsed.bytes_per_second = rate->bytes;
  for (std::size_t at = 1; at < value.words().size(); ++at) {
    const Word& word = value.words()[at];
    std::string_view text;
    const bool window = Value::option(word, "over", text);
    if (!window && !Value::option(word, "grace", text)) {
      return value.unknown(word, {"over=TIME", "grace=TIME"});
    }
    const auto time = parse_duration(text);
    const Duration least = std::chrono::seconds(window ? 1 : 0);
    if (!time || *time < least || *time > std::chrono::hours(1)) {
      return value.bad(
          word, fmt::format("\"{}\" is not a time between {} and 1h", text, print_duration(least)));
    }
    (window ? parsed.window : parsed.grace) = *time;
  }
  out = parsed;
  return true;
}

bool parse_value(Value& value, UpstreamRef& out) {
  if (!value.has_words(1, 1)) return false;
  if (value.is("off")) {
    out = {};
    return true;
  }
  const std::string& text = value.first().text;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    return value.bad(value.first(), "upstream names a section, not a URL",
                     "write [upstream NAME] with server = ADDRESS:PORT");
  }
  if (!reference(value, value.first())) return false;
  out = {text, nullptr};
  return true;
}

bool parse_value(Value& value, ReturnConf& out) {
  if (!value.has_words(1, 2)) return false;
  ReturnConf parsed;
  const Word& code = value.first();
  const auto status = parse_decimal(code.text);
  // 1xx can't end an exchange; 444 is nginx's "close without an answer".
  if (!status || code.text.size() != 3 || *status < 200 || *status > 599) {
    return value.bad(code, fmt::format("\"{}\" is not a status between 200 and 599", code.text));
  }
  parsed.status = static_cast<int>(*status);
  const bool has_text = value.words().size() == 2;
  if (parsed.redirects() && !has_text) {
    return value.bad(code, fmt::format("{} needs a URL", code.text));
  }
  if (has_text) {
    const Word& word = value.words()[1];
    if (parsed.redirects() && !is_field_value(word.text)) {
      return value.bad(word, "a line break or an outer blank in a URL");
    }
    if (parsed.status == 204 || parsed.status == 304 || parsed.status == 444) {
      return value.bad(word, fmt::format("an answer with status {} has no body", code.text));
    }
    if (!parse_template(value, word, parsed.text)) return false;
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, std::vector<AuthRef>& out) {
  if (value.is("off")) {
    out.clear();
    return true;
  }
  if (!value.has_words(1, names_in_a_value_max)) return false;
  std::vector<AuthRef> parsed;
  parsed.reserve(value.words().size());
  for (const Word& word : value.words()) {
    const std::size_t colon = word.text.find(':');
    const std::string_view kind = std::string_view(word.text).substr(0, colon);
    if (colon == word.text.npos || colon + 1 == word.text.size()) {
      return value.bad(word, fmt::format("\"{}\" is not KIND:NAME", word.text),
                       "off, or api_keys:NAME");
    }
    if (kind == "jwt") return value.not_built(word, "jwt");
    if (kind != "api_keys") return value.unknown(word, {"off", "api_keys:NAME"});
    parsed.push_back({word.text.substr(colon + 1), nullptr});
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, ForwardedSet& out) {
  if (value.is("all") || value.is("off")) {
    out.bits = value.is("all") ? ForwardedSet::all : 0;
    return true;
  }
  if (!value.has_words(1, ForwardedSet::fields.size())) return false;
  ForwardedSet parsed{0};
  for (const Word& word : value.words()) {
    const std::uint8_t bit = ForwardedSet::bit_of(field_id(word.text));
    if (bit == 0) {
      std::vector<std::string_view> known = {"all", "off"};
      for (const FieldId id : ForwardedSet::fields) known.push_back(field_name(id));
      return value.unknown(word, known);
    }
    if ((parsed.bits & bit) != 0)
      return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    parsed.bits |= bit;
  }
  out = parsed;
  return true;
}

bool parse_value(Value& value, AccessLogs& out) {
  if (value.is("off")) {
    out = {};
    return true;
  }
  if (!value.has_words(1, names_in_a_value_max)) return false;
  AccessLogs parsed;
  for (const Word& word : value.words()) {
    if (word.text.find('/') != word.text.npos) {
      return value.bad(word, "access_log names [log] sections, not files",
                       fmt::format("write [log NAME] with path = {}", word.text));
    }
    if (!reference(value, word)) return false;
    if (std::find(parsed.names.begin(), parsed.names.end(), word.text) != parsed.names.end()) {
      return value.bad(word, fmt::format("\"{}\" stands here twice", word.text));
    }
    parsed.names.push_back(word.text);
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, PathMatch& out) {
  if (!value.has_words(1, 2)) return false;
  PathMatch parsed;
  const Word& last = value.words().back();
  if (value.words().size() == 2) {
    const std::string& kind = value.first().text;
    if (kind == "exact") {
      parsed.kind = PathMatch::Kind::exact;
    } else if (kind == "regex") {
      parsed.kind = PathMatch::Kind::regex;
    } else if (kind != "prefix") {
      const bool nginx_sign = kind.starts_with('~') || kind == "=" || kind == "^~";
      if (nginx_sign) {
        return value.bad(value.first(), fmt::format("\"{}\" is not a kind of path", kind),
                         "write path = regex RE, or path = exact PATH");
      }
      return value.unknown(value.first(), {"exact", "regex", "prefix"});
    }
  }
  parsed.text = last.text;
  if (parsed.text.empty()) return value.bad(last, "the path is empty");
  if (parsed.kind != PathMatch::Kind::regex && parsed.text.front() != '/') {
    return value.bad(last, fmt::format("\"{}\" does not begin with '/'", parsed.text));
  }
  out = std::move(parsed);
  return true;
}

bool parse_item(Value& value, std::vector<RewriteConf>& out) {
  if (!value.has_words(2, 3)) return false;
  RewriteConf parsed;
  parsed.where = value.where();
  parsed.regex = value.first().text;
  if (parsed.regex.empty()) return value.bad(value.first(), "the regex is empty");
  const Word& replacement = value.words()[1];
  if (has_line_break(replacement.text)) return value.bad(replacement, "a line break in a URI");
  if (!parse_template(value, replacement, parsed.replacement)) return false;
  if (value.words().size() == 3) {
    const Word& flag = value.words()[2];
    std::vector<std::string_view> known;
    known.reserve(rewrite_flags.size());
    for (const auto& [name, value_of_flag] : rewrite_flags) {
      if (name == flag.text) parsed.flag = value_of_flag;
      known.push_back(name);
    }
    if (parsed.flag == RewriteConf::Flag::none) return value.unknown(flag, known);
  }
  out.push_back(std::move(parsed));
  return true;
}

bool parse_item(Value& value, std::vector<HeaderEdit>& out) {
  if (value.is("off")) {
    out.clear();
    return true;
  }
  HeaderEdit parsed;
  parsed.where = value.where();
  parsed.removes = value.directive().name == "remove_header";
  const std::size_t count = parsed.removes ? 1 : 2;
  if (!value.has_words(count, count)) return false;
  if (!header_name(value, value.first())) return false;
  parsed.name = value.first().text;
  if (!parsed.removes) {
    const Word& word = value.words()[1];
    if (has_line_break(word.text)) return value.bad(word, "a line break in a field value");
    if (!word.text.empty() && !is_field_value(word.text)) {
      return value.bad(word, "a blank at an end of a field value, or a control byte in it");
    }
    if (!parse_template(value, word, parsed.value)) return false;
  }
  out.push_back(std::move(parsed));
  return true;
}

std::string print_value(const LogFormat& value) {
  switch (value.kind) {
    case LogFormat::Kind::combined: return "combined";
    case LogFormat::Kind::json: return "json";
    case LogFormat::Kind::custom: {
      std::string text = quoted(value.custom.source());
      return text.starts_with('"') ? text : '"' + text + '"';
    }
  }
  return {};
}

std::string print_value(TlsProtocols value) {
  std::string out = value.tls12 ? "TLSv1.2" : "";
  if (value.tls13) out += out.empty() ? "TLSv1.3" : " TLSv1.3";
  return out;
}

std::string print_value(const MinRate& value) {
  if (value.bytes_per_second == 0) return "off";
  return fmt::format("{} over={} grace={}", print_size({value.bytes_per_second}),
                     print_duration(value.window), print_duration(value.grace));
}

std::string print_value(const UpstreamRef& value) {
  return value.name.empty() ? "off" : value.name;
}

std::string print_value(const ReturnConf& value) {
  if (value.status == 0) return {};
  std::string out = std::to_string(value.status);
  if (!value.text.source().empty()) out += ' ' + quoted(value.text.source());
  return out;
}

std::string print_value(const std::vector<AuthRef>& value) {
  if (value.empty()) return "off";
  std::string out;
  for (const AuthRef& ref : value) out += (out.empty() ? "api_keys:" : " api_keys:") + ref.name;
  return out;
}

std::string print_value(ForwardedSet value) {
  if (value.bits == ForwardedSet::all) return "all";
  std::string out;
  for (const FieldId id : ForwardedSet::fields) {
    if (!value.has(id)) continue;
    if (!out.empty()) out += ' ';
    out += field_name(id);
  }
  return out.empty() ? "off" : out;
}

std::string print_value(const AccessLogs& value) {
  return value.names.empty() ? "off" : fmt::format("{}", fmt::join(value.names, " "));
}

std::string print_value(const PathMatch& value) {
  if (value.text.empty()) return {};
  switch (value.kind) {
    case PathMatch::Kind::prefix: return quoted(value.text);
    case PathMatch::Kind::exact: return "exact " + quoted(value.text);
    case PathMatch::Kind::regex: return "regex " + quoted(value.text);
  }
  return {};
}

std::string print_value(const RewriteConf& value) {
  std::string out = quoted(value.regex) + ' ' + quoted(value.replacement.source());
  for (const auto& [name, flag] : rewrite_flags) {
    if (flag == value.flag) out += fmt::format(" {}", name);
  }
  return out;
}

std::string print_value(const HeaderEdit& value) {
  return value.removes ? value.name : value.name + ' ' + quoted(value.value.source());
}

}  // namespace weir::conf
