#include "tools/load/options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "http/syntax.h"

namespace weir::load {
namespace {

using std::chrono::milliseconds;

constexpr double rps_max = 10'000'000;
constexpr unsigned connections_limit = 100'000;
constexpr unsigned workers_limit = 256;
constexpr std::size_t body_bytes_max = std::size_t{256} * 1024 * 1024;
constexpr milliseconds time_max{86'400'000};

Error bad(std::string_view why) { return {Side::client, why}; }

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (done.ec != std::errc{} || done.ptr != end || !std::isfinite(value)) return {};
  return value;
}

// "10", "1.5s", "500ms", "2m", "1h"; a number alone is seconds.
Result<Ok> set_time(std::string_view text, milliseconds& out) {
  constexpr std::string_view wrong = "wants a time, as in 10, 1.5s, 500ms, 2m or 1h";
  const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_number(text.substr(0, digits));
  const auto unit = text.substr(digits);
  double factor = 0;
  if (unit.empty() || unit == "s") factor = 1000;
  if (unit == "ms") factor = 1;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (!number || factor == 0) return bad(wrong);
  const double value = *number * factor;
  if (value < 1) return bad("is no time at all: wants at least 1ms");
  if (value > static_cast<double>(time_max.count())) return bad("is too long: at most 24h");
  out = milliseconds(std::llround(value));
  return Ok{};
}

Result<Ok> set_count(std::string_view text, unsigned most, std::string_view wrong, unsigned& out) {
  const auto number = parse_decimal(text);
  if (!number || *number == 0 || *number > most) return bad(wrong);
  out = static_cast<unsigned>(*number);
  return Ok{};
}

Result<Ok> set_rps(std::string_view text, double& out) {
  const auto number = parse_number(text);
  if (!number || *number <= 0) return bad("wants requests per second, more than 0");
  if (*number < 0.001 || *number > rps_max) return bad("wants 0.001 to 10000000 a second");
  out = *number;
  return Ok{};
}

Result<Ok> set_requests(std::string_view text, std::uint64_t& out) {
  const auto number = parse_decimal(text);
  if (!number || *number == 0 || *number > 1'000'000'000'000) {
    return bad("wants a number of requests, at least 1");
  }
  out = *number;
  return Ok{};
}

Result<Ok> set_percent(std::string_view text, double& out) {
  if (text.ends_with('%')) text.remove_suffix(1);
  const auto number = parse_number(text);
  if (!number || *number < 0 || *number > 100) return bad("wants 0 to 100 percent");
  out = *number;
  return Ok{};
}

Result<Ok> add_field(std::string_view text, Options& out) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (colon == text.npos || !is_token(name)) return bad("wants \"Name: value\"");
  const auto value = trim(text.substr(colon + 1));
  if (!is_field_value(value)) return bad("wants \"Name: value\"");
  for (const auto* const own : {"Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive",
                                "TE", "Upgrade", "Trailer", "Expect"}) {
    if (iequals(name, own)) return bad("is weir-load's own to set (see --no-keepalive)");
  }
  out.fields.emplace_back(name, value);
  return Ok{};
}

Result<Ok> set_body(std::string_view text, std::string& out) {
  if (!text.starts_with('@')) {
    out = text;
    return Ok{};
  }
  std::ifstream file(std::string(text.substr(1)), std::ios::binary);
  if (!file) return bad(std::strerror(errno));
  out.clear();
  char chunk[65536];
  while (file.read(chunk, sizeof chunk), file.gcount() > 0) {
    out.append(chunk, static_cast<std::size_t>(file.gcount()));
    if (out.size() > body_bytes_max) return bad("is more than 256 MiB");
  }
  if (file.bad()) return bad("can't be read");
  return Ok{};
}

constexpr option long_options[] = {{"rps", required_argument, nullptr, 'r'},
                                   {"duration", required_argument, nullptr, 't'},
                                   {"requests", required_argument, nullptr, 'n'},
                                   {"connections", required_argument, nullptr, 'c'},
                                   {"max-connections", required_argument, nullptr, 'M'},
                                   {"timeout", required_argument, nullptr, 'T'},
                                   {"workers", required_argument, nullptr, 'w'},
                                   {"no-keepalive", no_argument, nullptr, 'K'},
                                   {"method", required_argument, nullptr, 'X'},
                                   {"header", required_argument, nullptr, 'H'},
                                   {"data", required_argument, nullptr, 'd'},
                                   {"insecure", no_argument, nullptr, 'k'},
                                   {"cacert", required_argument, nullptr, 'C'},
                                   {"tls-resume", no_argument, nullptr, 'R'},
                                   {"expect", required_argument, nullptr, 'E'},
                                   {"max-failed", required_argument, nullptr, 'F'},
                                   {"json", no_argument, nullptr, 'j'},
                                   {"version", no_argument, nullptr, 'v'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {nullptr, 0, nullptr, 0}};

struct Given {  // which options were, where that matters beyond their values
  bool rps = false, connections = false, connections_max = false, duration = false, data = false;
};

Result<Ok> take(int letter, std::string_view value, Options& out, Given& given) {
  switch (letter) {
    case 'r': given.rps = true; return set_rps(value, out.rps);
    case 't': given.duration = true; return set_time(value, out.duration);
    case 'n': return set_requests(value, out.requests);
    case 'c':
      given.connections = true;
      return set_count(value, connections_limit, "wants 1 to 100000", out.connections);
    case 'M':
      given.connections_max = true;
      return set_count(value, connections_limit, "wants 1 to 100000", out.connections_max);
    case 'T': return set_time(value, out.timeout);
    case 'w': return set_count(value, workers_limit, "wants 1 to 256", out.workers);
    case 'K': out.keepalive = false; break;
    case 'X':
      if (!is_token(value)) return bad("is no method");
      if (value == "CONNECT") return bad("asks for a tunnel, not for an answer");
      out.method = value;
      break;
    case 'H': return add_field(value, out);
    case 'd': given.data = true; return set_body(value, out.body);
    case 'k': out.insecure = true; break;
    case 'C': out.trusted_file = value; break;
    case 'R': out.tls_resume = true; break;
    case 'E': {
      const auto statuses = parse_statuses(value);
      if (!statuses) return statuses.error();
      out.expected = *statuses;
      break;
    }
    case 'F': return set_percent(value, out.failed_percent_max);
    case 'j': out.json = true; break;
    case 'v': out.action = Options::Action::version; break;
    case 'h': out.action = Options::Action::help; break;
    default: return bad("unknown option");
  }
  return Ok{};
}

void add_unless_given(std::string_view name, std::string_view value, Options& out) {
  const bool given = std::ranges::any_of(
      out.fields, [&](const auto& field) { return iequals(field.first, name); });
  if (!given) out.fields.emplace_back(name, value);
}

// The request of the README's first example.
void complete_request(const Given& given, Options& out) {
  if (out.quick_start) {
    if (out.method.empty()) out.method = "POST";
    const bool has_body = out.method != "GET" && out.method != "HEAD";
    if (!given.data && has_body) out.body = R"({"hello": "world"})";
    add_unless_given("X-API-Key", "test-api-key-123", out);
    if (!out.body.empty()) add_unless_given("Content-Type", "application/json", out);
  }
  if (out.method.empty()) out.method = given.data ? "POST" : "GET";
}

std::string check(const Given& given, Options& out) {
  out.open_loop = given.rps || !given.connections;
  if (!out.open_loop && given.connections_max) {
    return "--max-connections is for --rps; without it --connections says how many there are";
  }
  if (given.connections && given.connections_max) {
    return "--connections and --max-connections exclude each other";
  }
  if (!given.duration && out.requests == 0) out.duration = std::chrono::seconds(60);
  const unsigned lanes = given.connections ? out.connections : out.connections_max;
  if (out.workers > lanes) return "more --workers than connections";
  if (!out.target.tls) {
    if (out.tls_resume) return "--tls-resume is for https";
    if (!out.trusted_file.empty()) return "--cacert is for https";
    if (out.insecure) return "-k is for https";
  }
  if (out.insecure && !out.trusted_file.empty()) return "-k and --cacert exclude each other";
  if (out.expected.none()) out.expected = *parse_statuses("2xx");
  return {};
}

}  // namespace

Result<StatusSet> parse_statuses(std::string_view text) {
  StatusSet out;
  const auto code = [](std::string_view part) -> std::optional<std::uint64_t> {
    const auto number = parse_decimal(part);
    if (!number || part.size() != 3 || *number < 200) return {};
    return number;
  };
  for (const auto part : split(text, ',')) {
    std::optional<std::uint64_t> first, last;
    if (part.size() == 3 && lower(part.substr(1)) == "xx" && part[0] >= '2' && part[0] <= '9') {
      first = static_cast<std::uint64_t>(part[0] - '0') * 100;
      last = *first + 99;
    } else {
      const auto dash = part.find('-');
      first = code(part.substr(0, dash));
      last = dash == part.npos ? first : code(part.substr(dash + 1));
    }
    if (!first || !last || *last < *first) {
      return bad("wants statuses from 200 on, as in 2xx,304,500-503");
    }
    for (auto status = *first; status <= *last; ++status) out.set(status);
  }
  return out;
}

Parsed parse_options(int argc, char* const* argv) {
  Parsed parsed;
  Options& out = parsed.options;
  Given given;
  optind = 0;  // GNU: begin anew
  opterr = 0;
  int letter = 0;
  while ((letter = getopt_long(argc, argv, ":n:c:X:H:d:kh", long_options, nullptr)) != -1) {
    if (letter == '?' || letter == ':') {
      const char* const what = letter == '?' ? "unknown option" : "no value behind";
      parsed.error = fmt::format("{} {}", what, argv[optind - 1]);
      return parsed;
    }
    const std::string_view value = optarg == nullptr ? std::string_view{} : optarg;
    if (const auto done = take(letter, value, out, given); !done) {
      const auto* const named = std::ranges::find(long_options, letter, &option::val);
      parsed.error = fmt::format("--{} {}: {}", named->name, value, done.error().what);
      return parsed;
    }
  }
  if (out.action != Options::Action::load) return parsed;
  if (argc - optind > 1) {
    parsed.error = fmt::format("one URL only, and {} is the second", argv[optind + 1]);
    return parsed;
  }
  if (optind < argc) {
    out.url = argv[optind];
    out.quick_start = false;
  }
  auto target = parse_url(out.url);
  if (!target) {
    parsed.error = fmt::format("{}: {}", out.url, target.error().what);
    return parsed;
  }
  out.target = std::move(*target);
  complete_request(given, out);
  parsed.error = check(given, out);
  return parsed;
}

std::string usage() {
  return R"(weir-load: sends HTTP requests at a fixed rate, or as fast as they are answered, and says how that went.

usage: weir-load [options] [URL]

URL is http://HOST[:PORT]/PATH, https://... or http://unix:/PATH/OF.SOCK:/PATH. Without one: the quick start's
request, POST https://localhost:8443/test with its key, to what `make run` has started.

how much:
  --rps RATE             so many requests a second, each at its time, answered or not (10)
  -c, --connections N    without --rps: N connections, each with the next request once it has its answer;
                         with --rps: that rate over N connections
  --max-connections N    with --rps: open more as needed, up to N (1000)
  --duration TIME        for so long: 10, 500ms, 2m (60 s)
  -n, --requests N       so many in all, then end
  --timeout TIME         a request that takes longer has failed (10s)
  --workers N            so many processes share the work (1)
  --no-keepalive         a connection for each request

what:
  -X, --method METHOD    (GET; POST with -d)
  -H, --header "N: V"    a field of the request; may be given more than once
  -d, --data BODY        or @FILE
  -k, --insecure         don't verify the certificate; a development certificate of weir on a loopback
                         address is never verified, and the report says so
  --cacert FILE          trust these certificates instead of the system's
  --tls-resume           resume TLS sessions; without it each handshake is a full one

what counts:
  --expect STATUSES      are successes (2xx); others are failures: 200,301,404 or 2xx,500-503
  --max-failed PERCENT   exit with 1 when more than so many have failed (0)
  --json                 the report as JSON

  -h, --help   --version

Ctrl-C ends early, with the report. Latency counts from the moment a request was meant to start, so a server that
stalls can't hide it. exit codes: 0 well, 1 too many requests failed, 2 wrong arguments, 3 could not run
)";
}

}  // namespace weir::load
