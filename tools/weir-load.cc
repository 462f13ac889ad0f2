// weir-load: generates HTTP load and reports how it went. man/weir-load.1.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/version.h"
#include "os/process.h"
#include "tools/load/crew.h"
#include "tools/load/options.h"
#include "tools/load/report.h"

namespace {

enum : int { exit_ok = 0, exit_failed = 1, exit_arguments = 2, exit_could_not_run = 3 };

int give_up(std::string_view why) {
  fmt::print(stderr, "weir-load: {}\n", why);
  return exit_could_not_run;
}

// Fewer descriptors than connections asked for is an error, fewer than the bound lowers it.
std::string make_room(weir::load::Options& options) {
  const std::uint64_t needed = weir::load::descriptors_needed(options);
  const auto limit = weir::raise_fd_limit(needed);
  const std::uint64_t got = limit ? *limit : weir::fd_limit();
  if (got >= needed) return {};
  if (options.connections != 0 || got < 128) {
    return fmt::format("so many connections need {} descriptors, and the limit is {} (ulimit -n)",
                       needed, got);
  }
  const std::uint64_t fit = (got - 64) / (options.keepalive ? 1 : 2) * options.workers;
  options.connections_max =
      static_cast<unsigned>(std::min<std::uint64_t>(options.connections_max, fit));
  return {};
}

int load(weir::load::Options options) {
  std::signal(SIGPIPE, SIG_IGN);
  weir::clock::refresh();
  if (const auto why = make_room(options); !why.empty()) return give_up(why);
  weir::load::Plan plan;
  std::string error;
  if (!weir::load::prepare(std::move(options), plan, error)) return give_up(error);
  weir::load::Outcome outcome;
  if (!weir::load::run_crew(plan, outcome, error)) return give_up(error);

  const bool colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  fmt::print("{}", plan.options.json ? weir::load::report_json(plan, outcome)
                                     : weir::load::report_text(plan, outcome, colour));
  if (std::fflush(stdout) != 0) return give_up("the report can't be written");
  if (outcome.tally.requests == 0) return give_up("ended before a request had");
  return weir::load::within_limit(plan, outcome.tally) ? exit_ok : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  auto parsed = weir::load::parse_options(argc, argv);
  if (!parsed.error.empty()) {
    fmt::print(stderr, "weir-load: {}\ntry: weir-load --help\n", parsed.error);
    return exit_arguments;
  }
  switch (parsed.options.action) {
    case weir::load::Options::Action::help: fmt::print("{}", weir::load::usage()); return exit_ok;
    case weir::load::Options::Action::version:
      fmt::print("weir-load/{}\n", weir::version);
      return exit_ok;
    case weir::load::Options::Action::load: break;
  }
  return load(std::move(parsed.options));
}
