// weir-echo: a sample origin that answers with what it got. man/weir-echo.1.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/clock.h"
#include "base/version.h"
#include "event/loop.h"
#include "os/process.h"
#include "os/signals.h"
#include "tools/echo/options.h"
#include "tools/echo/server.h"

namespace {

// LSB's numbers, as weir's own.
enum : int { exit_ok = 0, exit_failure = 1, exit_arguments = 2, exit_not_permitted = 4 };

// "127.0.0.1:8000-8003" for a run of ports on one host.
std::string ports_text(const std::vector<weir::Address>& addresses) {
  std::string text;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (!text.empty()) text += ' ';
    text += addresses[i].to_string();
    std::size_t last = i;
    while (last + 1 < addresses.size() && addresses[last + 1].is_ip() &&
           addresses[last + 1].ip() == addresses[i].ip() &&
           addresses[last + 1].port() == addresses[last].port() + 1) {
      ++last;
    }
    if (last != i) text += fmt::format("-{}", addresses[last].port());
    i = last;
  }
  return text;
}

struct Running {
  weir::SignalFd& signals;
  weir::Loop& loop;
  weir::echo::Server& server;
};

void on_signal(void* it) {
  Running& running = *static_cast<Running*>(it);
  while (const auto signal = running.signals.next()) {
    if (signal->number != SIGHUP) return running.loop.stop();
    const auto why = running.server.obey();
    fmt::print("weir-echo: {}\n", why.empty() ? "obeying" : why);
    std::fflush(stdout);
  }
}

int serve(const weir::echo::Options& options) {
  auto signals = options.obey.empty() ? weir::SignalFd::open({SIGTERM, SIGINT})
                                      : weir::SignalFd::open({SIGTERM, SIGINT, SIGHUP});
  if (!signals) {
    fmt::print(stderr, "weir-echo: {}\n", signals.error().what);
    return exit_failure;
  }
  std::signal(SIGPIPE, SIG_IGN);
  (void)weir::raise_fd_limit(65536);  // as many as allowed; fewer is no failure
  weir::clock::refresh();
  weir::Loop loop;
  weir::echo::Server server(loop, options);
  if (options.tls) {
    if (const auto why = server.prepare_tls(); !why.empty()) {
      fmt::print(stderr, "weir-echo: {}\n", why);
      return exit_failure;
    }
  }
  if (const auto why = server.obey(); !why.empty()) {
    fmt::print(stderr, "weir-echo: {}\n", why);
    return exit_failure;
  }
  if (const auto why = server.listen(); !why.empty()) {
    const bool denied = errno == EACCES || errno == EPERM;
    fmt::print(stderr, "weir-echo: {}\n", why);
    return denied ? exit_not_permitted : exit_failure;
  }
  Running running{*signals, loop, server};
  weir::LevelWatcher told(loop, on_signal, &running);
  if (const auto done = told.watch(signals->fd()); !done) {
    fmt::print(stderr, "weir-echo: {}\n", done.error().what);
    return exit_failure;
  }
  fmt::print("weir-echo: listening on {} ({})\n", ports_text(options.addresses),
             options.tls ? "https" : "http");
  std::fflush(stdout);
  loop.run();
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = weir::echo::parse_options(argc, argv);
  if (!parsed.error.empty()) {
    fmt::print(stderr, "weir-echo: {}\ntry: weir-echo --help\n", parsed.error);
    return exit_arguments;
  }
  switch (parsed.options.action) {
    case weir::echo::Options::Action::help: fmt::print("{}", weir::echo::usage()); return exit_ok;
    case weir::echo::Options::Action::version:
      fmt::print("weir-echo/{}\n", weir::version);
      return exit_ok;
    case weir::echo::Options::Action::serve: break;
  }
  return serve(parsed.options);
}
