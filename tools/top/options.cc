#include "tools/top/options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <optional>

#include "base/text.h"

namespace weir::top {
namespace {

constexpr std::chrono::milliseconds interval_least{100}, interval_most{60'000};

// "2s", "500ms", "2", "0.5".
std::optional<std::chrono::milliseconds> parse_interval(std::string_view text) {
  const bool in_ms = text.ends_with("ms");
  if (in_ms) text.remove_suffix(2);
  if (!in_ms && text.ends_with('s')) text.remove_suffix(1);
  const auto point = text.find('.');
  const auto whole = parse_decimal(text.substr(0, point));
  if (!whole || *whole > 60'000) return {};
  std::uint64_t ms = in_ms ? *whole : *whole * 1000;
  if (point != text.npos) {
    const std::string_view part = text.substr(point + 1);
    const auto digits = parse_decimal(part);
    if (in_ms || !digits || part.size() > 3) return {};
    ms += part.size() == 1 ? *digits * 100 : part.size() == 2 ? *digits * 10 : *digits;
  }
  const std::chrono::milliseconds interval(static_cast<std::int64_t>(ms));
  if (interval < interval_least || interval > interval_most) return {};
  return interval;
}

constexpr option long_options[] = {
    {"once", no_argument, nullptr, '1'},           {"json", no_argument, nullptr, 'j'},
    {"interval", required_argument, nullptr, 'i'}, {"log", required_argument, nullptr, 'l'},
    {"socket", required_argument, nullptr, 's'},   {"config", required_argument, nullptr, 'c'},
    {"prefix", required_argument, nullptr, 'p'},   {"version", no_argument, nullptr, 'v'},
    {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0}};

// An empty text: taken.
std::string take(int letter, std::string_view value, Options& out) {
  switch (letter) {
    case '1': out.action = Options::Action::once; break;
    case 'j': out.action = Options::Action::json; break;
    case 'l': out.log = value; break;
    case 's': out.socket = value; break;
    case 'c': out.instance.file = value; break;
    case 'p': out.instance.prefix = value; break;
    case 'v': out.action = Options::Action::version; break;
    case 'h': out.action = Options::Action::help; break;
    case 'i': {
      const auto interval = parse_interval(value);
      if (!interval) return fmt::format("--interval {}: wants 100ms to 60s", value);
      out.interval = *interval;
      break;
    }
    default: break;
  }
  return {};
}

}  // namespace

Parsed parse_options(int argc, char* const* argv) {
  Parsed parsed;
  ::optind = 0;  // GNU: begin anew
  ::opterr = 0;
  for (;;) {
    const int letter = ::getopt_long(argc, argv, ":1ji:l:s:c:p:vh", long_options, nullptr);
    if (letter < 0) break;
    if (letter == '?' || letter == ':') {
      const char* const what = letter == '?' ? "unknown option" : "no value behind";
      parsed.error = fmt::format("{} {}", what, argv[::optind - 1]);
      return parsed;
    }
    const std::string_view value = ::optarg == nullptr ? std::string_view{} : ::optarg;
    parsed.error = take(letter, value, parsed.options);
    if (!parsed.error.empty()) return parsed;
  }
  if (::optind < argc) parsed.error = fmt::format("unexpected {}", argv[::optind]);
  return parsed;
}

std::string usage() {
  return R"(weir-top: a live view of a running weir: its upstreams, its workers.

usage: weir-top [options]

  -1, --once             one table as plain text, of one interval
  -j, --json             the same as JSON
  -i, --interval TIME    between two readings (1s; 100ms to 60s)
  -l, --log FILE         show the last lines of a file below the tables
  -s, --socket SOCKET    control socket (default: that of the instance of -c)
  -c, --config FILE      configuration of the instance (default /etc/weir/weir.ini)
  -p, --prefix PREFIX    what relative paths hang off (default: the current folder)
  -v, --version
  -h, --help

keys: arrows or j k move, s sort by the next column, S the other way round,
d drain and e enable the peer under the cursor, p pause, h help, q quit

Without a terminal it prints what --once does. NO_COLOR=1 switches colours off.

exit codes: 0 done, 1 failure, 2 wrong arguments, 4 not permitted, 7 no instance is running
)";
}

}  // namespace weir::top
