// Values that name files, logs and addresses to listen on.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/value.h"

namespace weir::conf {
namespace {

constexpr std::size_t path_bytes_max = 4095;

// An input is relative to the file that names it, an output to the prefix.
bool path_of(Value& value, const Word& word, bool input, std::string& out, bool is_folder = false) {
  const std::string& text = word.text;
  if (text.empty()) return value.bad(word, "the path is empty");
  if (text.size() > path_bytes_max) return value.bad(word, "the path is too long");
  if (text.find_first_of("\n\r\t") != text.npos) return value.bad(word, "a control byte in a path");
  if (text.ends_with('/') && !is_folder && value.directive().name != "state_path") {
    return value.bad(word, fmt::format("\"{}\" is a folder, not a file", text));
  }
  out = input ? relative_to_file(text, value.naming_file())
              : relative_to_prefix(text, value.prefix());
  return true;
}

bool log_level(Value& value, const Word& word, log::Level& out) {
  std::vector<std::string_view> known;
  known.reserve(static_cast<std::size_t>(log::Level::debug) + 1);
  for (int number = 0; number <= static_cast<int>(log::Level::debug); ++number) {
    const auto level = static_cast<log::Level>(number);
    if (log::name(level) == word.text) {
      out = level;
      return true;
    }
    known.push_back(log::name(level));
  }
  return value.unknown(word, known);
}

bool octal(std::string_view text, std::uint32_t& out) {
  if (text.empty() || text.size() > 4) return false;
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return false;
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  }
  if (mode > 0777) return false;
  out = mode;
  return true;
}

bool unix_listen_address(Value& value, const Word& word, Address& out) {
  const std::string_view path = std::string_view(word.text).substr(5);
  if (path.empty()) return value.bad(word, "a Unix socket needs a path");
  const auto parsed =
      Address::parse("unix:" + (path.starts_with('@') ? std::string(path)
                                                      : relative_to_prefix(path, value.prefix())));
  if (!parsed) return value.bad(word, std::string(parsed.error().what));
  out = *parsed;
  return true;
}

// "8080", "127.0.0.1:8080", "[::]:80", "*:80", "unix:PATH".
bool listen_address(Value& value, const Word& word, Address& out) {
  std::string_view text = word.text;
  if (text.starts_with("unix:")) return unix_listen_address(value, word, out);
  if (text.starts_with("*:")) text.remove_prefix(2);
  if (!text.empty() && text.find_first_not_of("0123456789") == text.npos) {
    const auto port = parse_decimal(text);
    if (!port || *port == 0 || *port > 65535) {
      return value.bad(word, fmt::format("\"{}\" is not a port", text), "1 to 65535");
    }
    out = Address::any_ipv4(static_cast<std::uint16_t>(*port));
    return true;
  }
  constexpr std::uint16_t nginx_default_port = 80;
  const auto parsed = Address::parse(text, nginx_default_port);
  if (!parsed) {
    return value.bad(
        word, fmt::format("\"{}\" is not an address to listen on: {}", text, parsed.error().what),
        "write PORT, IP:PORT, [IPV6]:PORT or unix:PATH");
  }
  if (parsed->port() == 0) return value.bad(word, "port 0 can't be listened on");
  out = *parsed;
  return true;
}

bool listen_option(Value& value, const Word& word, ListenConf& out) {
  std::string_view text;
  if (Value::option(word, "mode", text)) {
    if (!out.address.is_unix()) return value.bad(word, "mode= is for Unix sockets");
    if (!octal(text, out.mode)) return value.bad(word, "mode= takes an octal number like 0660");
    return true;
  }
  if (value.directive().target == Target::admin) return value.unknown(word, {"mode=MODE"});
  if (Value::option(word, "backlog", text)) {
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65535) {
      return value.bad(word, "backlog= takes a number from 1 to 65535");
    }
    out.backlog = static_cast<std::uint32_t>(*number);
    return true;
  }
  if (Value::option(word, "ipv6only", text)) {
    if (out.address.kind() != Address::Kind::ipv6) {
      return value.bad(word, "ipv6only= is for IPv6 addresses");
    }
    if (text != "on" && text != "off") return value.bad(word, "ipv6only= takes on or off");
    out.ipv6only = text == "on";
    return true;
  }
  if (word.text == "ssl") return out.ssl = true;
  if (word.text == "default_server") return out.default_server = true;
  if (word.text == "http2" || word.text == "proxy_protocol") {
    return value.not_built(word, word.text);
  }
  if (word.text == "reuseport") {
    return value.bad(word, "every socket has reuseport", "remove the word");
  }
  return value.unknown(word,
                       {"ssl", "default_server", "backlog=N", "ipv6only=on|off", "mode=MODE"});
}

}  // namespace

bool parse_value(Value& value, InputPath& out) {
  return value.has_words(1, 1) && path_of(value, value.first(), true, out.path);
}

bool parse_value(Value& value, OutputPath& out) {
  return value.has_words(1, 1) && path_of(value, value.first(), false, out.path);
}

bool parse_value(Value& value, OptionalFolder& out) {
  if (!value.has_words(1, 1)) return false;
  OptionalFolder parsed;
  if (!value.is("off")) {
    if (!path_of(value, value.first(), false, parsed.path, true)) return false;
    while (parsed.path.size() > 1 && parsed.path.ends_with('/')) parsed.path.pop_back();
  }
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, LogFile& out) {
  if (!value.has_words(1, 1)) return false;
  LogFile parsed;
  parsed.to_stderr = value.is("stderr");
  if (!parsed.to_stderr && !path_of(value, value.first(), false, parsed.path)) return false;
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, ErrorLog& out) {
  if (!value.has_words(1, 2)) return false;
  ErrorLog parsed;
  parsed.file.to_stderr = value.first().text == "stderr";
  if (!parsed.file.to_stderr && !path_of(value, value.first(), false, parsed.file.path)) {
    return false;
  }
  if (value.words().size() == 2 && !log_level(value, value.words()[1], parsed.level)) return false;
  out = std::move(parsed);
  return true;
}

bool parse_value(Value& value, std::vector<Cidr>& out) {
  constexpr std::size_t networks_in_a_line_max = 64;
  if (!value.has_words(1, networks_in_a_line_max)) return false;
  for (const Word& word : value.words()) {
    const auto parsed = Cidr::parse(word.text);
    if (!parsed) {
      return value.bad(word,
                       fmt::format("\"{}\" is not a network: {}", word.text, parsed.error().what),
                       "write 10.0.0.0/8, 2001:db8::/32, one address, or unix:");
    }
    out.push_back(*parsed);
  }
  return true;
}

bool parse_item(Value& value, std::vector<ListenConf>& out) {
  if (!value.has_words(1, 16)) return false;
  ListenConf parsed;
  parsed.where = value.where();
  if (!listen_address(value, value.first(), parsed.address)) return false;
  for (std::size_t at = 1; at < value.words().size(); ++at) {
    if (!listen_option(value, value.words()[at], parsed)) return false;
  }
  out.push_back(parsed);
  return true;
}

bool parse_item(Value& value, std::vector<CertificateConf>& out) {
  if (!value.has_words(1, 1)) return false;
  CertificateConf parsed;
  parsed.where = value.where();
  parsed.automatic = value.is("auto");
  if (!parsed.automatic && !path_of(value, value.first(), true, parsed.certificate.path)) {
    return false;
  }
  std::erase_if(out, [](const CertificateConf& certificate) { return certificate.inherited; });
  out.push_back(std::move(parsed));
  return true;
}

bool parse_item(Value& value, std::vector<CertificateKeyConf>& out) {
  CertificateKeyConf parsed;
  parsed.where = value.where();
  if (!parse_value(value, parsed.path)) return false;
  std::erase_if(out, [](const CertificateKeyConf& key) { return key.inherited; });
  out.push_back(std::move(parsed));
  return true;
}

std::string print_value(const InputPath& value) { return print_value(value.path); }
std::string print_value(const OutputPath& value) { return print_value(value.path); }
std::string print_value(const OptionalFolder& value) {
  return value.empty() ? "off" : print_value(value.path);
}

std::string print_value(const LogFile& value) {
  return value.to_stderr ? "stderr" : print_value(value.path);
}
std::string print_value(const ErrorLog& value) {
  return fmt::format("{} {}", print_value(value.file), log::name(value.level));
}

std::string print_value(const std::vector<Cidr>& value) {
  std::string out;
  for (const Cidr& cidr : value) out += (out.empty() ? "" : " ") + cidr.to_string();
  return out;
}

std::string print_value(const ListenConf& value) {
  const ListenConf plain;
  std::string out = quoted(value.address.to_string());
  if (value.ssl) out += " ssl";
  if (value.default_server) out += " default_server";
  if (value.backlog != plain.backlog) out += fmt::format(" backlog={}", value.backlog);
  if (!value.ipv6only) out += " ipv6only=off";
  if (value.mode != plain.mode) out += fmt::format(" mode={:04o}", value.mode);
  return out;
}

std::string print_value(const CertificateConf& value) {
  return value.automatic ? "auto" : print_value(value.certificate);
}
std::string print_value(const CertificateKeyConf& value) { return print_value(value.path); }

}  // namespace weir::conf
