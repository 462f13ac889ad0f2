// Values of an upstream: its servers, how requests wait for one of them.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/peer_options.h"
#include "conf/value.h"
#include "conf/word_options.h"

namespace weir::conf {
namespace {

bool parse_ports(std::string_view text, ServerLine& out) {
  const std::size_t dash = text.find('-');
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_decimal(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last > 65535 || *first > *last) return false;
  out.port_first = static_cast<std::uint16_t>(*first);
  out.port_last = static_cast<std::uint16_t>(*last);
  return true;
}

bool unix_server(Value& value, const Word& word, ServerLine& out) {
  const std::string_view path = std::string_view(word.text).substr(5);
  if (path.empty()) return value.bad(word, "a Unix socket needs a path");
  out.host = path.starts_with('@') ? std::string(path) : relative_to_prefix(path, value.prefix());
  const auto parsed = Address::parse("unix:" + out.host);
  if (!parsed) return value.bad(word, std::string(parsed.error().what));
  return true;
}

// ADDRESS[:PORT[-PORT]], [IPV6][:PORT[-PORT]], NAME[:PORT[-PORT]], unix:PATH.
bool parse_server(Value& value, const Word& word, ServerLine& out) {
  const std::string_view text = word.text;
  if (text.starts_with("unix:")) return unix_server(value, word, out);
  if (const std::size_t scheme = text.find("://"); scheme != text.npos) {
    return value.bad(word, "a server is an address, not a URL",
                     fmt::format("write {}{}", text.substr(scheme + 3),
                                 text.starts_with("https") ? " here and ssl = on below" : ""));
  }
  std::string_view host = text, ports;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t end = std::min(text.find(']'), text.size() - 1);
    host = text.substr(1, end - 1);
    ports = text.substr(end + 1);
    if (!ports.empty() && ports.front() != ':') host = {};
  } else if (const std::size_t colon = text.rfind(':'); colon != text.npos) {
    host = text.substr(0, colon);
    ports = text.substr(colon);
  }
  const bool ip = Address::parse_ip(host).has_value();
  const bool number = host.find_first_not_of("0123456789.") == host.npos;
  if ((bracketed && !ip) || (!ip && (number || !is_host_name(host)))) {
    return value.bad(word, fmt::format("\"{}\" is not an address or a name", text),
                     host.find(':') != host.npos ? "an IPv6 address stands in brackets: [::1]:80"
                                                 : "write ADDRESS:PORT, NAME:PORT or unix:PATH");
  }
  if (!bracketed && host.find(':') != host.npos) {
    return value.bad(word, fmt::format("\"{}\" has an IPv6 address without brackets", text),
                     "write [::1]:80");
  }
  constexpr std::string_view nginx_default_port = ":80";
  if (ports.empty()) ports = nginx_default_port;
  if (!parse_ports(ports.substr(1), out)) {
    return value.bad(word, fmt::format("\"{}\" is not a port or a range of ports", ports.substr(1)),
                     "write 8080 or 8000-8009");
  }
  out.is_name = !ip;
  out.host = ip ? std::string(host) : lower(host);
  return true;
}

}  // namespace

bool parse_item(Value& value, std::vector<ServerLine>& out) {
  if (!value.has_words(1, 16)) return false;
  ServerLine parsed;
  parsed.where = value.where();
  if (!parse_server(value, value.first(), parsed)) return false;
  if (!read_options(value, 1, peer_options, parsed.options)) return false;
  parsed.text = value.first().text;
  out.push_back(std::move(parsed));
  return true;
}

std::string print_value(const ServerLine& value) {
  return quoted(value.text) + print_options(peer_options, value.options);
}

bool parse_value(Value& value, QueueConf& out) {
  if (!value.has_words(1, 2)) return false;
  if (value.is("off")) {
    out = {};
    return true;
  }
  static constexpr WordOption<QueueConf> options[] = {
      time_option<&QueueConf::timeout, 1, day_ms>("timeout")};
  const auto length = parse_decimal(value.first().text);
  if (!length || *length == 0 || *length > 1'000'000) {
    return value.bad(
        value.first(),
        fmt::format("\"{}\" is neither off nor a number of 1 to 1000000", value.first().text));
  }
  QueueConf parsed;
  parsed.length = static_cast<std::uint32_t>(*length);
  if (!read_options(value, 1, options, parsed)) return false;
  if (parsed.timeout.count() == 0) parsed.timeout = Duration(60'000);  // nginx's default
  out = parsed;
  return true;
}

std::string print_value(const QueueConf& value) {
  if (value.length == 0) return "off";
  return fmt::format("{} timeout={}", value.length, print_duration(value.timeout));
}

}  // namespace weir::conf
