#include "process/debug.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "os/process.h"
#include "os/signals.h"
#include "process/boot.h"
#include "process/control_client.h"

namespace weir::process {
namespace {

constexpr int said_bytes_max = 1 << 20;  // before weir-top, or we, take it from the pipe
constexpr int exec_failed = 127;

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

struct Pipe {
  Fd read, write;
};
std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A child ends with us, however we end.
void end_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(exit_failure);
}

// In the child that becomes the instance: its words go into the pipe, and are lost where nobody
// reads them. It must not wait for that.
bool leave_terminal(const Fd& words) {
  ::setpgid(0, 0);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return null && ::fcntl(words.get(), F_SETFL, O_NONBLOCK) == 0 &&
         ::dup2(null.get(), STDIN_FILENO) >= 0 && ::dup2(words.get(), STDOUT_FILENO) >= 0 &&
         ::dup2(words.get(), STDERR_FILENO) >= 0;
}

// Where weir-top is: beside us, in ../bin, or somewhere in the PATH.
std::string path_of_top() {
  char own[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", own, sizeof own);
  std::string folder(own, size > 0 ? static_cast<std::size_t>(size) : 0);
  folder.erase(folder.find_last_of('/') + 1);
  for (const char* const place : {"weir-top", "../bin/weir-top"}) {
    std::string path = folder + place;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "weir-top";
}

pid_t start_top(const std::string& socket, const Fd& words) {
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  end_with(self);
  reset_signals();
  const int inherited = ::dup(words.get());
  const std::string path = path_of_top(), log = fmt::format("/dev/fd/{}", inherited);
  ::execlp(path.c_str(), "weir-top", "--socket", socket.c_str(), "--log", log.c_str(), nullptr);
  say(fmt::format("weir: weir-top can't be run: {}\n", std::strerror(errno)));
  ::_exit(exec_failed);
}

// Passes on what is in the pipe; true when it was the last.
bool pass_on(const Fd& words) {
  char bytes[16384];
  const ssize_t got = ::read(words.get(), bytes, sizeof bytes);
  if (got < 0) return errno != EINTR && errno != EAGAIN;
  if (got > 0) say({bytes, static_cast<std::size_t>(got)});
  return got == 0;
}

// The status that a child exited with.
int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(exit_failure);
}

bool started_well(const Fd& report) {
  unsigned char status = exit_failure;
  ssize_t got;
  do {
    got = ::read(report.get(), &status, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 && status == exit_ok;
}

// Until one of the two ends.
void wait_for_either(pid_t instance, pid_t top) {
  const auto first = pidfd_of(instance), second = pidfd_of(top);
  if (!first || !second) return;
  pollfd ends[] = {{first->get(), POLLIN, 0}, {second->get(), POLLIN, 0}};
  while (::poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
}

int attend(pid_t instance, const Fd& report, const Fd& words, const Options& options) {
  int of_top = exit_ok;
  if (started_well(report)) {
    // Ctrl-C is for weir-top, which is on the terminal with us.
    ignore_signals({SIGINT, SIGQUIT});
    const pid_t top = start_top(private_socket_path(pid_path_of(options)), words);
    if (top > 0) {
      wait_for_either(instance, top);
      ::kill(top, SIGTERM);
      of_top = wait_for(top);
    } else {
      say(fmt::format("weir: weir-top can't be run: {}\n", std::strerror(errno)));
      of_top = exit_failure;
    }
    ::kill(instance, SIGTERM);
  }
  while (!pass_on(words)) {
  }
  const int of_instance = wait_for(instance);
  return of_instance != exit_ok || of_top == exit_ok ? of_instance : exit_failure;
}

}  // namespace

int debug_instance(const Options& options, Application& application) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
    say("weir: --debug needs a terminal: standard input or output is none\n");
    return exit_arguments;
  }
  auto words = make_pipe(), report = make_pipe();
  if (!words || !report) {
    say(fmt::format("weir: pipe2() failed: {}\n", std::strerror(errno)));
    return exit_failure;
  }
  ::fcntl(words->write.get(), F_SETPIPE_SZ, said_bytes_max);  // less is no failure
  const pid_t self = ::getpid();
  const pid_t instance = ::fork();
  if (instance < 0) {
    say(fmt::format("weir: fork() failed: {}\n", std::strerror(errno)));
    return exit_failure;
  }
  if (instance == 0) {
    end_with(self);
    if (!leave_terminal(words->write)) return exit_failure;
    words.reset();
    report->read.reset();
    return run_instance(options, application, std::move(report->write));
  }
  words->write.reset();
  report->write.reset();
  return attend(instance, report->read, words->read, options);
}

}  // namespace weir::process
