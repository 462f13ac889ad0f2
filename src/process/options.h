// The command line: nginx's letters with nginx's meanings, and long forms.
//
// Pure: parses, decides nothing. Exit codes are those that init scripts agree on (LSB).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::process {

enum ExitCode : int {
  exit_ok = 0,
  exit_failure = 1,
  exit_arguments = 2,
  exit_not_permitted = 4,
  exit_configuration = 6,
  exit_not_running = 7,
};

struct Options {
  enum class Action : unsigned char {
    run,
    test,              // -t
    dump,              // -T
    signal,            // -s
    debug,             // --debug
    version,           // -v
    build_info,        // -V
    help,              // -h
    explain,           // --explain NAME
    check_zones,       // --check-zones
    print_manual,      // --print-manual: man/weir.ini.5
    print_sample,      // --print-sample: conf/weir.ini
    print_completion,  // --print-completion
  };
  Action action = Action::run;
  bool quiet = false;     // -q
  std::string file;       // -c, relative to the prefix
  std::string prefix;     // -p; empty: the current folder
  std::string overrides;  // -g, may be given more than once
  std::string error_log;  // -e: for what is logged before the configuration is read
  std::string argument;   // of -s and --explain
};

struct ParsedOptions {
  Options options;
  std::string error;  // not empty: what is wrong, for stderr; exit_arguments
};
ParsedOptions parse_options(int argc, char* const* argv);

inline constexpr std::string_view signals_of_s[] = {"stop", "quit", "reload", "reopen"};
inline constexpr std::string_view default_file = "/etc/weir/weir.ini";

std::string usage();
std::string version_line();  // "weir version: weir/0.1.0"
std::string build_info();    // -V: version, compiler, libraries with their versions, features

}  // namespace weir::process
