#include "tools/echo/options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::echo {
namespace {

constexpr std::size_t ports_max = 1024;  // of one range

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};
std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const auto number = parse_decimal(text.substr(0, digits));
  const auto* const unit = std::ranges::find(units, text.substr(digits), &Unit::suffix).base();
  if (!number || unit == units.data() + units.size()) return {};
  if (*number > Behaviour::never / 2 / unit->factor) return {};
  return *number * unit->factor;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 4> units{
      {{"", 1}, {"k", 1ULL << 10}, {"m", 1ULL << 20}, {"g", 1ULL << 30}}};
  return with_unit(text, units);
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) {
  static constexpr std::array<Unit, 3> units{{{"ms", 1}, {"s", 1000}, {"m", 60'000}}};
  const auto value = with_unit(text, units);
  if (!value || *value > 86'400'000) return {};
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

Result<Ok> bad(std::string_view why) { return Error{Side::client, why}; }

Result<Ok> set_drip(std::string_view text, Behaviour& out) {
  const auto slash = text.find('/');
  if (slash == text.npos) return bad("wants BYTES/TIME, as in 1k/100ms");
  const auto bytes = parse_size(text.substr(0, slash));
  const auto every = parse_time(text.substr(slash + 1));
  if (!bytes || *bytes == 0 || !every) return bad("wants BYTES/TIME, as in 1k/100ms");
  out.drip_bytes = *bytes;
  out.drip_every = *every;
  return Ok{};
}

Result<Ok> set_status(std::string_view text, std::uint16_t& out) {
  const auto status = parse_decimal(text);
  if (!status || *status < 200 || *status > 599) return bad("wants 200 to 599");
  out = static_cast<std::uint16_t>(*status);
  return Ok{};
}

// One property of an answer by its name, from an option or from X-Echo.
Result<Ok> set(std::string_view name, std::string_view value, Behaviour& out) {
  if (name == "delay") {
    const auto delay = parse_time(value);
    if (!delay) return bad("wants a time, as in 500ms, 2s or 1m");
    out.delay = *delay;
  } else if (name == "status") {
    return set_status(value, out.status);
  } else if (name == "size") {
    const auto size = parse_size(value);
    if (!size) return bad("wants bytes, as in 100, 10k, 5m or 1g");
    out.sized = true;
    out.size = *size;
  } else if (name == "cut") {
    const auto bytes = parse_size(value);
    if (!bytes) return bad("wants bytes, as in 100 or 10k");
    out.cut = *bytes;
  } else if (name == "drip") {
    return set_drip(value, out);
  } else if (name == "cache-control") {
    if (!is_field_value(value)) return bad("wants a field value");
    out.cache_control = value;
  } else if (name == "chunked") {
    out.chunked = true;
  } else if (name == "close") {
    out.close = true;
  } else if (name == "early") {
    out.early = true;
  } else {
    return bad("unknown word in X-Echo");
  }
  return Ok{};
}

Result<Ok> set_field(std::string_view text, Behaviour& out) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (colon == text.npos || !is_token(name)) return bad("wants \"Name: value\"");
  const auto value = trim(text.substr(colon + 1));
  if (!is_field_value(value)) return bad("wants \"Name: value\"");
  out.fields.emplace_back(name, value);
  return Ok{};
}

// "8000", "8000-8003", "ADDRESS:8000-8003" or "unix:PATH".
Result<Ok> add_addresses(std::string_view text, std::vector<Address>& out) {
  if (text.starts_with("unix:")) {
    const auto address = Address::parse(text);
    if (!address) return address.error();
    out.push_back(*address);
    return Ok{};
  }
  const auto colon = text.rfind(':');
  const std::string_view ports = colon == text.npos ? text : text.substr(colon + 1);
  const std::string host(colon == text.npos ? "127.0.0.1" : text.substr(0, colon));
  const auto dash = ports.find('-');
  const auto first = parse_decimal(ports.substr(0, dash));
  const auto last = dash == ports.npos ? first : parse_decimal(ports.substr(dash + 1));
  if (!first || !last || *first == 0 || *last > 65535 || *last < *first ||
      *last - *first >= ports_max) {
    return bad("a port is 1 to 65535, a range FIRST-LAST");
  }
  for (std::uint64_t port = *first; port <= *last; ++port) {
    const auto address = Address::parse(fmt::format("{}:{}", host, port));
    if (!address) return address.error();
    out.push_back(*address);
  }
  return Ok{};
}

Result<Ok> set_error_rate(std::string_view text, Options& out) {
  if (text.ends_with('%')) text.remove_suffix(1);
  const auto percent = parse_decimal(text);
  if (!percent || *percent > 100) return bad("wants 0 to 100 percent");
  out.error_percent = static_cast<unsigned>(*percent);
  return Ok{};
}

constexpr option long_options[] = {{"debug", no_argument, nullptr, 'd'},
                                   {"open", no_argument, nullptr, 'o'},
                                   {"log", no_argument, nullptr, 'l'},
                                   {"steer", no_argument, nullptr, 's'},
                                   {"obey", required_argument, nullptr, 'O'},
                                   {"tls", no_argument, nullptr, 't'},
                                   {"cert", required_argument, nullptr, 'c'},
                                   {"key", required_argument, nullptr, 'k'},
                                   {"error-rate", required_argument, nullptr, 'e'},
                                   {"health", required_argument, nullptr, 'H'},
                                   {"field", required_argument, nullptr, 'f'},
                                   {"delay", required_argument, nullptr, 'B'},
                                   {"status", required_argument, nullptr, 'B'},
                                   {"size", required_argument, nullptr, 'B'},
                                   {"chunked", no_argument, nullptr, 'B'},
                                   {"close", no_argument, nullptr, 'B'},
                                   {"early", no_argument, nullptr, 'B'},
                                   {"drip", required_argument, nullptr, 'B'},
                                   {"cut", required_argument, nullptr, 'B'},
                                   {"cache-control", required_argument, nullptr, 'B'},
                                   {"version", no_argument, nullptr, 'v'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {nullptr, 0, nullptr, 0}};

Result<Ok> take(int letter, std::string_view name, std::string_view value, Options& out) {
  switch (letter) {
    case 'd': out.debug = true; break;
    case 'o': out.open = true; break;
    case 'l': out.log = true; break;
    case 's': out.steer = true; break;
    case 'O': out.obey = value; break;
    case 't': out.tls = true; break;
    case 'c': out.tls = true, out.certificate_file = value; break;
    case 'k': out.tls = true, out.key_file = value; break;
    case 'e': return set_error_rate(value, out);
    case 'H': return set_status(value, out.health_status);
    case 'f': return set_field(value, out.behaviour);
    case 'v': out.action = Options::Action::version; break;
    case 'h': out.action = Options::Action::help; break;
    default: return set(name, value, out.behaviour);
  }
  return Ok{};
}

std::string check(const Options& options) {
  if (options.action != Options::Action::serve) return {};
  if (options.addresses.empty()) return "no port given";
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return "--cert and --key go together";
  }
  return {};
}

}  // namespace

Result<Ok> steer(std::string_view words_text, Behaviour& out) {
  for (const auto word : words(words_text)) {
    const auto equal = word.find('=');
    const auto value = equal == word.npos ? std::string_view{} : word.substr(equal + 1);
    if (const auto done = set(word.substr(0, equal), value, out); !done) return done;
  }
  return Ok{};
}

Parsed parse_options(int argc, char* const* argv) {
  Parsed parsed;
  Options& out = parsed.options;
  optind = 0;  // GNU: begin anew
  opterr = 0;
  int letter = 0, index = -1;
  while ((letter = getopt_long(argc, argv, ":dh", long_options, &index)) != -1) {
    if (letter == '?' || letter == ':') {
      const char* const what = letter == '?' ? "unknown option" : "no value behind";
      parsed.error = fmt::format("{} {}", what, argv[optind - 1]);
      return parsed;
    }
    const std::string_view name = index < 0 ? std::string_view{} : long_options[index].name;
    const std::string_view value = optarg == nullptr ? std::string_view{} : optarg;
    if (const auto done = take(letter, name, value, out); !done) {
      parsed.error = fmt::format("--{} {}: {}", name, value, done.error().what);
      return parsed;
    }
    index = -1;
  }
  for (int at = optind; at < argc; ++at) {
    if (const auto done = add_addresses(argv[at], out.addresses); !done) {
      parsed.error = fmt::format("{}: {}", argv[at], done.error().what);
      return parsed;
    }
  }
  parsed.error = check(out);
  return parsed;
}

std::string usage() {
  return R"(weir-echo: a sample origin that answers with what it got.

usage: weir-echo [options] PORT[-PORT]|ADDRESS:PORT[-PORT]|unix:PATH ...

  -d, --debug            the answer names the port that was asked
  --open                 answer anybody; else only loopback peers whose request has X-Forwarded-For
  --log                  a line per request on standard output
  --tls                  HTTPS, with a certificate made at start and kept in memory
  --cert FILE --key FILE HTTPS with this certificate
  --steer                obey a request's X-Echo field: "status=503 delay=1s close ..."
  --obey FILE            the same words from a file, for every request; read again at a HUP
  --error-rate PERCENT   answer this share of the requests with 500, evenly spread
  --health CODE          what /health answers (200)
  --field "NAME: VALUE"  add a field to every answer; may be given more than once

and for each answer (words of X-Echo, too, without the dashes):

  --delay TIME           wait before answering (500ms, 2s, 1m)
  --status CODE          instead of 200
  --size BYTES           a body of so many bytes instead of JSON (100, 10k, 5m, 1g)
  --chunked              chunked instead of Content-Length
  --close                end the connection after the answer
  --early                answer without reading the request's body, and end the connection
  --drip BYTES/TIME      the body in pieces of BYTES with a pause of TIME between them
  --cut BYTES            end the connection after so many bytes of the body
  --cache-control VALUE  send this Cache-Control

  -h, --help   --version

exit codes: 0 ended by TERM or INT, 1 failure, 2 wrong arguments, 4 port not permitted
)";
}

}  // namespace weir::echo
