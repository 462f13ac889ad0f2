#include "os/crash.h"

#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>

namespace weir {
namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
constexpr int frames_max = 48;
constexpr std::size_t stack_bytes = 64 * 1024;

int crash_fd = STDERR_FILENO;
char crash_title[65];

// snprintf is not on the list of async-signal-safe functions; this is.
class SafeText {
 public:
  SafeText& operator<<(const char* text) {
    while (*text != '\0' && used_ < sizeof text_) text_[used_++] = *text++;
    return *this;
  }
  SafeText& number(std::uint64_t value, unsigned base) {
    char digits[24];
    std::size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (count > 0 && used_ < sizeof text_) text_[used_++] = digits[--count];
    return *this;
  }
  void send(int fd) const {
    // Nothing more can be done about a log that takes no more.
    [[maybe_unused]] const auto written = ::write(fd, text_, used_);
  }

 private:
  char text_[512];
  std::size_t used_ = 0;
};

void on_crash(int number, siginfo_t* info, void*) {
  SafeText head;
  head << "[alert] ";
  head.number(static_cast<std::uint64_t>(::getpid()), 10)
      << ": " << crash_title << " dies of signal ";
  head.number(static_cast<std::uint64_t>(number), 10);
  if (number == SIGSEGV || number == SIGBUS) {
    head << " at 0x";
    head.number(reinterpret_cast<std::uintptr_t>(info->si_addr), 16);
  }
  head << "; stack:\n";
  head.send(crash_fd);
  void* frames[frames_max];
  const int count = ::backtrace(frames, frames_max);
  ::backtrace_symbols_fd(frames, count, crash_fd);
  // SA_RESETHAND restored the default action; returning would run the failing instruction again,
  // but ABRT and a signal sent by kill() need to be raised.
  ::raise(number);
}

}  // namespace

void install_crash_handler(int log_fd, std::string_view title) {
  crash_fd = log_fd;
  const std::size_t size = std::min(title.size(), sizeof crash_title - 1);
  std::memcpy(crash_title, title.data(), size);
  crash_title[size] = '\0';
  static bool prepared = false;
  if (!prepared) {
    prepared = true;
    void* frame[1];
    ::backtrace(frame, 1);  // loads libgcc now: the first call allocates
    void* memory = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory != MAP_FAILED) {
      stack_t stack{};
      stack.ss_sp = memory;
      stack.ss_size = stack_bytes;
      ::sigaltstack(&stack, nullptr);
    }
  }
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (const int number : signals) ::sigaction(number, &action, nullptr);
}

}  // namespace weir
