#include "process/daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "os/process.h"
#include "process/options.h"

namespace weir::process {
namespace {

// The status that the daemon reported; a failure when it died without a word.
int wait_for_report(const Fd& pipe) {
  unsigned char status = exit_failure;
  ssize_t got;
  do {
    got = ::read(pipe.get(), &status, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 ? status : static_cast<int>(exit_failure);
}

}  // namespace

Daemon Daemon::awaited(Fd pipe) {
  Daemon daemon;
  daemon.pipe_ = std::move(pipe);
  return daemon;
}

Result<Daemon> Daemon::enter() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{Side::self, "pipe2()"};
  Fd read_end(ends[0]);
  Daemon daemon;
  daemon.pipe_ = Fd(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return Error{Side::self, "fork()"};
  if (child > 0) {
    daemon.pipe_.reset();
    const int status = wait_for_report(read_end);
    ::waitpid(child, nullptr, 0);
    ::_exit(status);
  }
  read_end.reset();
  if (::setsid() < 0) return Error{Side::self, "setsid()"};
  const pid_t grandchild = ::fork();  // no session leader: it can never get a terminal again
  if (grandchild < 0) return Error{Side::self, "fork()"};
  if (grandchild > 0) ::_exit(0);
  ::umask(027);
  if (::chdir("/") != 0) return Error{Side::self, "chdir(/)"};
  if (const auto done = stdio_to_null(true); !done) return done.error();
  daemon.detached_ = true;
  return daemon;
}

void Daemon::report(int status, bool keep_stderr) {
  if (!pipe_) return;
  const auto byte = static_cast<unsigned char>(status);
  // The shell may have gone away; that changes nothing for the daemon.
  [[maybe_unused]] const auto written = ::write(pipe_.get(), &byte, 1);
  pipe_.reset();
  if (!detached_) return;
  [[maybe_unused]] const auto done = stdio_to_null(keep_stderr);
}

}  // namespace weir::process
