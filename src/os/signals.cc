#include "os/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace weir {

Result<SignalFd> SignalFd::open(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error{Side::self, "sigprocmask()"};
  Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return Error{Side::self, "signalfd()"};
  return SignalFd(std::move(fd));
}

std::optional<SignalReceived> SignalFd::next() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
    return std::nullopt;
  }
  return SignalReceived{static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid)};
}

void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < SIGRTMIN; ++number) {
    // KILL and STOP refuse, which is as it should be.
    ::sigaction(number, &standard, nullptr);
  }
  ignore_signals({SIGPIPE});
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ignore_signals(std::initializer_list<int> signals) {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int number : signals) ::sigaction(number, &ignore, nullptr);
}

}  // namespace weir
