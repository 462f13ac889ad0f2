// weir-top: a live view of a running weir. man/weir-top.8.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "base/version.h"
#include "process/control_client.h"
#include "tools/top/json.h"
#include "tools/top/options.h"
#include "tools/top/screen.h"
#include "tools/top/source.h"
#include "tools/top/table.h"

namespace {

using namespace weir;
using namespace weir::top;

// As wide as the rows are: nothing is left out for whoever reads it from a file.
constexpr std::size_t any_width = 4096;

int print(Source& source, const Options& options) {
  const Reading before = source.read();
  std::this_thread::sleep_for(options.interval);  // what is printed is about this time
  const Frame frame = frame_of(&before, source.read());
  std::string text;
  if (options.action == Options::Action::json) {
    text = json_of(frame);
  } else {
    text = header_of(frame).text() + "\n";
    for (const Line& line : lines_of(frame, any_width)) text += line.text() + "\n";
  }
  const bool done = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return done && std::fflush(stdout) == 0 ? process::exit_ok : process::exit_failure;
}

int run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  Source source(options.socket.empty() ? process::control_socket_of(options.instance)
                                       : options.socket);
  if (const auto trouble = source.attach(); !trouble.text.empty()) {
    fmt::print(stderr, "weir-top: {}\n", trouble.text);
    return trouble.exit_code;
  }
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (options.action == Options::Action::screen && terminal) return show(source, options);
  return print(source, options);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = weir::top::parse_options(argc, argv);
  if (!parsed.error.empty()) {
    fmt::print(stderr, "weir-top: {}\ntry: weir-top --help\n", parsed.error);
    return process::exit_arguments;
  }
  switch (parsed.options.action) {
    case Options::Action::help: fmt::print("{}", weir::top::usage()); return process::exit_ok;
    case Options::Action::version:
      fmt::print("weir-top version: weir/{}\n", version);
      return process::exit_ok;
    case Options::Action::screen:
    case Options::Action::once:
    case Options::Action::json: break;
  }
  return run(parsed.options);
}
