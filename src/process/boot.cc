#include "process/boot.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "base/log.h"
#include "conf/manual.h"
#include "os/memory_reserve.h"
#include "os/notify.h"
#include "os/process.h"
#include "os/signals.h"
#include "process/daemon.h"
#include "process/master.h"
#include "process/master_log.h"
#include "process/memory_bound.h"
#include "process/pid_file.h"
#include "process/validator.h"

namespace weir::process {
namespace {

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

// In a child, with a poller of its own: the instance's does not exist yet.
Validator::Verdict validate_now(const conf::LoadOptions& options, Application& application) {
  Validator::Verdict verdict;
  auto poller = Poller::create();
  if (!poller) {
    verdict.report = fmt::format("{} failed: {}\n", poller.error().what, std::strerror(errno));
    return verdict;
  }
  Validator validator(**poller, application);
  const bool started = validator.start(options, [&](Validator::Verdict found) {
    verdict = std::move(found);
    (*poller)->stop(0);
  });
  if (!started) {
    verdict.report = "the validator could not be started\n";
    return verdict;
  }
  (*poller)->run();
  return verdict;
}

shm::Sizes sizes_of(const conf::MainConf& main) {
  return {.ring_bytes = static_cast<std::uint32_t>(main.log_ring_size->bytes),
          .peers = *main.upstream_peers_max,
          .sessions = *main.sticky_sessions_max};
}

int exit_code_of(const Reload::Outcome& outcome) {
  if (outcome.ok) return exit_ok;
  if (outcome.of_configuration) return exit_configuration;
  return outcome.not_permitted ? exit_not_permitted : exit_failure;
}

int run_master(const conf::LoadOptions& load_options, Validator::Reading reading,
               std::string warnings, Application& application, Daemon& daemon) {
  const std::string pid_path = reading.config->main.pid->path;
  auto taken = PidFile::take(pid_path, ::getpid());
  if (!taken.file) {
    if (taken.holder != 0) {
      log::line(log::Level::emerg, "another instance is running, with pid {} ({})", taken.holder,
                pid_path);
    } else {
      log::line(log::Level::emerg, "{}", taken.error);
    }
    return exit_failure;
  }
  auto poller = Poller::create();
  auto signals = SignalFd::open({SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGQUIT, SIGTERM, SIGINT});
  auto zones = shm::Zones::create(sizes_of(reading.config->main));
  if (!poller || !signals || !zones) {
    const auto what = !poller ? poller.error() : !signals ? signals.error() : zones.error();
    log::line(log::Level::emerg, "{} ({}: {})", what.what, errno, std::strerror(errno));
    taken.file->remove();
    return exit_failure;
  }
  // Workers can be replaced, the master can't.
  const MemoryReserve reserve(0, MemoryReserve::Empty::waits, nullptr, nullptr);
  Master master(**poller, **zones, application,
                {load_options, ServiceManager::from_environment(), std::move(*signals),
                 private_socket_path(pid_path), daemon.detached()});
  log_as_master(master.instance().logs);
  int status = exit_failure;
  master.on_over([&] { taken.file->remove(); });
  master.start(std::move(reading), std::move(warnings), [&](const Reload::Outcome& outcome) {
    status = exit_code_of(outcome);
    if (!outcome.ok) return;
    daemon.report(status, master.instance().logs.error_log_is_stderr());
    stop_telling_the_terminal();
  });
  if (!(*poller)->stopping()) (*poller)->run();
  taken.file->remove();
  log_as_master_ends();
  return status;
}

}  // namespace

conf::LoadOptions load_options_of(const Options& options) {
  conf::LoadOptions out;
  char here[PATH_MAX];
  const std::string folder = ::getcwd(here, sizeof here) != nullptr ? here : "/";
  out.prefix = options.prefix.empty() ? folder : conf::relative_to_prefix(options.prefix, folder);
  // Without "." and "..": the names stand in messages and in the report of a reload.
  out.prefix = std::filesystem::path(out.prefix).lexically_normal().string();
  out.file = conf::relative_to_prefix(
      options.file.empty() ? std::string(default_file) : options.file, out.prefix);
  out.file = std::filesystem::path(out.file).lexically_normal().string();
  out.overrides = options.overrides;
  return out;
}

int test_configuration(const Options& options, Application& application) {
  const conf::LoadOptions load_options = load_options_of(options);
  conf::Inputs inputs(conf::live_source());
  std::string report;
  const auto config = prove(inputs, load_options, application, report);
  say(report);
  if (!config) {
    say(fmt::format("weir: configuration file {} test failed\n", load_options.file));
    return exit_configuration;
  }
  if (!options.quiet) {
    say(
        fmt::format("weir: the configuration file {} syntax is ok\n"
                    "weir: configuration file {} test is successful\n",
                    load_options.file, load_options.file));
  }
  if (options.action == Options::Action::dump) {
    std::string text = conf::dump(*config);
    if (const MemoryBound bound = memory_bound(*config, application); bound.bytes != 0)
      text = fmt::format("# memory: {}\n\n{}", bound.text, text);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return exit_ok;
}

int run_instance(const Options& options, Application& application, Fd report) {
  if (!secure_standard_fds()) return exit_failure;
  log_early(options.error_log);
  ignore_signals({SIGPIPE});
  const conf::LoadOptions load_options = load_options_of(options);
  Validator::Verdict verdict = validate_now(load_options, application);
  say(verdict.report);
  if (!verdict.ok) return exit_configuration;
  std::string why;
  auto reading = Validator::read(verdict.snapshot, load_options, why);
  if (!reading.config) {
    say(fmt::format("weir: the validated configuration can't be read again: {}\n", why));
    return exit_failure;
  }
  Daemon daemon;
  if (report) {
    daemon = Daemon::awaited(std::move(report));
  } else if (*reading.config->main.daemon) {
    auto entered = Daemon::enter();
    if (!entered) {
      say(fmt::format("weir: {} failed: {}\n", entered.error().what, std::strerror(errno)));
      return exit_failure;
    }
    daemon = std::move(*entered);
  }
  ProcessTitle::set("weir: master " + load_options.file);
  const int status =
      run_master(load_options, std::move(reading), std::move(verdict.report), application, daemon);
  daemon.report(status, true);
  return status;
}

}  // namespace weir::process
