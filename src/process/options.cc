#include "process/options.h"

#include <getopt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <iterator>

#include "base/version.h"
#include "filter/libraries.h"

namespace weir::process {
namespace {

enum Long : int {
  long_explain = 256,
  long_debug,
  long_check_zones,
  long_print_manual,
  long_print_sample,
  long_print_completion
};

constexpr const char* short_options = ":tTqc:g:p:e:s:vVh?";

const option long_options[] = {
    {"test", no_argument, nullptr, 't'},
    {"dump", no_argument, nullptr, 'T'},
    {"quiet", no_argument, nullptr, 'q'},
    {"config", required_argument, nullptr, 'c'},
    {"global", required_argument, nullptr, 'g'},
    {"prefix", required_argument, nullptr, 'p'},
    {"error-log", required_argument, nullptr, 'e'},
    {"signal", required_argument, nullptr, 's'},
    {"version", no_argument, nullptr, 'v'},
    {"build-info", no_argument, nullptr, 'V'},
    {"help", no_argument, nullptr, 'h'},
    {"debug", no_argument, nullptr, long_debug},
    {"explain", required_argument, nullptr, long_explain},
    {"check-zones", no_argument, nullptr, long_check_zones},
    {"print-manual", no_argument, nullptr, long_print_manual},
    {"print-sample", no_argument, nullptr, long_print_sample},
    {"print-completion", no_argument, nullptr, long_print_completion},
    {nullptr, 0, nullptr, 0},
};

// What a later action on the same line must not silently undo: -T wins over -t, the rest conflict.
bool choose(Options& options, Options::Action action) {
  using enum Options::Action;
  if (options.action == action) return true;
  if (options.action == dump && action == test) return true;
  if (options.action != run && !(options.action == test && action == dump)) return false;
  options.action = action;
  return true;
}

Options::Action action_of(int letter) {
  using enum Options::Action;
  switch (letter) {
    case 't': return test;
    case 'T': return dump;
    case 's': return signal;
    case 'v': return version;
    case 'V': return build_info;
    case long_debug: return debug;
    case long_explain: return explain;
    case long_check_zones: return check_zones;
    case long_print_manual: return print_manual;
    case long_print_sample: return print_sample;
    case long_print_completion: return print_completion;
    default: return run;
  }
}

void add_override(std::string& all, std::string_view more) {
  if (!all.empty()) all += "; ";
  all += more;
}

// An empty text: the letter was taken.
std::string take(Options& options, int letter, const char* value) {
  switch (letter) {
    case 'q': options.quiet = true; return {};
    case 'c': options.file = value; return {};
    case 'p': options.prefix = value; return {};
    case 'e': options.error_log = value; return {};
    case 'g': add_override(options.overrides, value); return {};
    case 's':
      if (std::find(std::begin(signals_of_s), std::end(signals_of_s), value) ==
          std::end(signals_of_s)) {
        return "-s takes stop, quit, reload or reopen, not \"" + std::string(value) + "\"";
      }
      [[fallthrough]];
    case long_explain: options.argument = value; break;
    default: break;
  }
  if (!choose(options, action_of(letter))) return "the options ask for two different things";
  return {};
}

}  // namespace

ParsedOptions parse_options(int argc, char* const* argv) {
  ParsedOptions out;
  ::optind = 0;  // glibc: start anew, also for a second call
  ::opterr = 0;
  for (;;) {
    const int at = std::max(::optind, 1);
    const int letter = ::getopt_long(argc, argv, short_options, long_options, nullptr);
    if (letter < 0) break;
    const bool asked_help = letter == 'h' || (letter == '?' && ::optopt == '?') ||
                            (letter == '?' && at < argc && std::string_view(argv[at]) == "-?");
    if (asked_help) {
      out.options.action = Options::Action::help;
      return out;
    }
    if (letter == '?') {
      out.error = "unknown option \"" + std::string(argv[::optopt != 0 ? at : ::optind - 1]) + "\"";
      return out;
    }
    if (letter == ':') {
      out.error = "option \"" + std::string(argv[::optind - 1]) + "\" needs a value";
      return out;
    }
    out.error = take(out.options, letter, ::optarg);
    if (!out.error.empty()) return out;
  }
  if (::optind < argc) out.error = "unexpected \"" + std::string(argv[::optind]) + "\"";
  return out;
}

std::string usage() {
  return R"(Usage: weir [-tTqvVh] [-c FILE] [-p PREFIX] [-g DIRECTIVES] [-e FILE] [-s SIGNAL]

  -t, --test              test the configuration and exit
  -T, --dump              the same, and print the values in force, each with its place
  -q, --quiet             only errors while testing
  -c, --config FILE       main file (default /etc/weir/weir.ini)
  -p, --prefix PREFIX     what relative paths hang off (default: the current folder)
  -g, --global DIRECTIVES instead of what [main] says: "daemon=off; pid=run/x.pid"
  -e, --error-log FILE    for messages before the configuration is read; or stderr
  -s, --signal SIGNAL     stop, quit, reload or reopen the running instance; waits for
                          the outcome and says it
      --debug             run in the foreground with weir-top on the terminal; q ends both
      --explain NAME      what a directive does
      --check-zones       look for damage in the shared memory of the running instance
      --print-manual, --print-sample, --print-completion
                          what is made from the table of directives
  -v, --version           version
  -V, --build-info        version, compiler, libraries, features
  -h, -?, --help          this text

Exit status: 0 done, 1 failure, 2 arguments, 4 not permitted, 6 configuration, 7 not running.
)";
}

std::string version_line() { return "weir version: weir/" + std::string(version); }

std::string build_info() {
  std::string out = version_line() + "\n";
#if defined(__clang__)
  out += "built by clang " __clang_version__ "\n";
#else
  out += "built by gcc " __VERSION__ "\n";
#endif
  out += "built with " + std::string(OPENSSL_VERSION_TEXT) + ", running with " +
         ::OpenSSL_version(OPENSSL_VERSION) + "\n";
  out += "content codings by " + coder_libraries() + "\n";
#ifdef WEIR_TEST_HOOKS
  out += "features: test hooks (not for production)\n";
#endif
  return out;
}

}  // namespace weir::process
