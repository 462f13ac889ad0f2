#include "process/validator.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"
#include "os/memory_reserve.h"
#include "os/privileges.h"
#include "os/process.h"
#include "os/signals.h"
#include "process/cache_folders.h"
#include "process/instance.h"
#include "process/options.h"

namespace weir::process {
namespace {

constexpr std::size_t report_bytes_max = 1U << 20;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// What the child wrote, at most `limit` bytes: a child that went astray must not fill the master.
std::string read_back(const Fd& fd, std::size_t limit) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return {};
  std::string out(std::min(static_cast<std::size_t>(status.st_size), limit), '\0');
  std::size_t used = 0;
  while (used < out.size()) {
    const ssize_t got =
        ::pread(fd.get(), out.data() + used, out.size() - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  out.resize(used);
  return out;
}

void limit_resource(__rlimit_resource_t what, rlim_t value) {
  const rlimit limit{value, value};
  ::setrlimit(what, &limit);  // a lower hard limit that is there already is as good
}

[[noreturn]] void validate(const conf::LoadOptions& options, Application& application,
                           int snapshot_fd, int report_fd) {
  reset_signals();
  MemoryReserve::forget();
  ProcessTitle::set("weir: validator");
  close_others({snapshot_fd, report_fd});
  limit_resource(RLIMIT_CPU, static_cast<rlim_t>(Validator::time_limit.count()));
  limit_resource(RLIMIT_CORE, 0);
  conf::Inputs inputs(conf::live_source());
  std::string report;
  const auto config = prove(inputs, options, application, report);
  bool written = write_all(report_fd, report);
  if (config) written = write_all(snapshot_fd, inputs.serialise()) && written;
  if (!written) ::_exit(exit_failure);
  ::_exit(config ? exit_ok : exit_configuration);
}

}  // namespace

std::unique_ptr<conf::Config> prove(conf::Inputs& inputs, const conf::LoadOptions& options,
                                    Application& application, std::string& report) {
  conf::Loaded loaded = conf::load(inputs, options);
  report = loaded.report();
  if (!loaded.config) return nullptr;
  std::string why;
  std::optional<Identity> identity;
  // Without root the account is not needed, and the master says so itself.
  if (is_root()) why = identity_of(*loaded.config, identity);
  if (!why.empty()) {
    report += fmt::format("weir: {}\n", why);
    return nullptr;
  }
  why = prepare_cache_folders(*loaded.config, identity ? &*identity : nullptr, Folders::prove);
  if (!why.empty()) {
    report += why;
    return nullptr;
  }
  if (!application.prepare(*loaded.config, inputs, nullptr, Purpose::prove, why)) {
    report += why;
    if (!report.empty() && report.back() != '\n') report += '\n';
    return nullptr;
  }
  return std::move(loaded.config);
}

Validator::Reading Validator::read(const std::string& snapshot, const conf::LoadOptions& options,
                                   std::string& why) {
  Reading reading;
  auto inputs = conf::Inputs::parse(snapshot);
  if (!inputs) {
    why = fmt::format("the snapshot is damaged: {}", inputs.error().what);
    return reading;
  }
  reading.inputs = std::make_unique<conf::Inputs>(std::move(*inputs));
  conf::Loaded loaded = conf::load(*reading.inputs, options);
  reading.config = std::move(loaded.config);
  if (!reading.config) why = loaded.report();
  return reading;
}

void Validator::cancel() {
  if (!pidfd_) return;
  poller_.cancel(timer_);
  poller_.forget(pidfd_.get());
  send_signal(pidfd_, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);  // it dies now
  pidfd_.reset();
}

bool Validator::start(const conf::LoadOptions& options, Done done) {
  snapshot_ = Fd(::memfd_create("weir-snapshot", MFD_CLOEXEC));
  report_ = Fd(::memfd_create("weir-report", MFD_CLOEXEC));
  if (!snapshot_ || !report_) return false;
  const pid_t pid = ::fork();
  if (pid == 0) validate(options, application_, snapshot_.get(), report_.get());
  if (pid < 0) return false;
  auto pidfd = pidfd_of(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    return false;
  }
  pidfd_ = std::move(*pidfd);
  done_ = std::move(done);
  timed_out_ = false;
  poller_.watch(pidfd_.get(), [this] { finished(); });
  timer_ = poller_.after(time_limit, [this] { too_late(); });
  return true;
}

void Validator::too_late() {
  timer_ = 0;
  timed_out_ = true;
  send_signal(pidfd_, SIGKILL);
}

void Validator::finished() {
  const auto ending = reap(pidfd_);
  if (!ending) return;
  poller_.cancel(timer_);
  poller_.forget(pidfd_.get());
  pidfd_.reset();
  Verdict verdict;
  verdict.report = read_back(report_, report_bytes_max);
  verdict.ok = ending->clean();
  if (verdict.ok) {
    verdict.snapshot = read_back(snapshot_, 2 * conf::Inputs::bytes_max);
  } else if (timed_out_) {
    verdict.report +=
        fmt::format("reading the configuration took longer than {} s\n", time_limit.count());
  } else if (ending->by_signal || verdict.report.empty()) {
    verdict.report += "the validator " + ending->text() + "\n";
  }
  snapshot_.reset();
  report_.reset();
  const Done done = std::move(done_);
  done(std::move(verdict));
}

}  // namespace weir::process
