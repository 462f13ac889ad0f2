#include "os/process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weir {
namespace {

Error failed(std::string_view what) { return Error{Side::self, what}; }

char* title_begin = nullptr;
std::size_t title_capacity = 0;

// The fields of /proc/PID/stat after the name, which may itself contain blanks and brackets.
std::string stat_fields(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t size = file ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return {};
  const std::string all(text, static_cast<std::size_t>(size));
  const auto bracket = all.rfind(')');
  return bracket == all.npos || bracket + 2 >= all.size() ? std::string() : all.substr(bracket + 2);
}

void close_span(int first, int last) {
  if (first > last) return;
  if (::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0) return;
  const int end = std::min(last, static_cast<int>(fd_limit()));  // a kernel before 5.9
  for (int fd = first; fd <= end; ++fd) ::close(fd);
}

}  // namespace

Result<Fd> pidfd_of(pid_t pid) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return failed("pidfd_open()");
  return fd;
}

bool send_signal(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : std::to_string(signal);
}

std::string Ending::text() const {
  if (!by_signal) return "exited with status " + std::to_string(value);
  return "was killed by signal " + std::to_string(value) + " (" + signal_name(value) + ")" +
         (core ? ", core dumped" : "");
}

std::optional<Ending> reap(const Fd& pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return std::nullopt;
  }
  Ending ending;
  ending.pid = info.si_pid;
  ending.by_signal = info.si_code != CLD_EXITED;
  ending.core = info.si_code == CLD_DUMPED;
  ending.value = info.si_status;
  return ending;
}

void ProcessTitle::remember(int argc, char** argv) {
  if (argc < 1) return;
  char* end = argv[0];
  for (int i = 0; i < argc; ++i) {
    if (argv[i] == end) end = argv[i] + std::strlen(argv[i]) + 1;
  }
  // The environment lies behind the arguments: a copy takes its place, so that both can be used.
  std::size_t count = 0, bytes = 0;
  for (char** entry = environ; *entry != nullptr; ++entry, ++count) {
    if (*entry == end) end = *entry + std::strlen(*entry) + 1;
    bytes += std::strlen(*entry) + 1;
  }
  // One block that lives as long as the process, whatever setenv() makes of `environ` later.
  static void* block = nullptr;
  void* const made = std::calloc(1, (count + 1) * sizeof(char*) + bytes);
  if (made == nullptr) return;
  block = made;
  auto** const copy = static_cast<char**>(block);
  char* text = reinterpret_cast<char*>(copy + count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    copy[i] = text;
    text = ::stpcpy(text, environ[i]) + 1;
  }
  environ = copy;
  title_begin = argv[0];
  title_capacity = static_cast<std::size_t>(end - argv[0]);
}

void ProcessTitle::set(std::string_view title) {
  // comm holds 15 bytes; the role is the part that tells processes apart there: "weir:worker 2".
  const auto colon = title.find(": ");
  const auto end = std::min(title.find(','), title.find(" /"));
  std::string comm = colon == title.npos
                         ? std::string(title)
                         : "weir:" + std::string(title.substr(0, end).substr(colon + 2));
  ::prctl(PR_SET_NAME, comm.substr(0, 15).c_str());
  if (title_begin == nullptr || title_capacity < 2) return;
  const std::size_t size = std::min(title.size(), title_capacity - 1);
  std::memset(title_begin, 0, title_capacity);
  std::memcpy(title_begin, title.data(), size);
}

void close_others(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  int next = 3;
  for (const int fd : keep) {
    if (fd < next) continue;
    close_span(next, fd - 1);
    next = fd + 1;
  }
  close_span(next, INT_MAX);
}

Result<Ok> secure_standard_fds() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", O_RDWR) != fd) return failed("open(/dev/null)");
  }
  return Ok{};
}

Result<Ok> stdio_to_null(bool keep_stderr) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return failed("open(/dev/null)");
  for (int fd = 0; fd <= (keep_stderr ? 1 : 2); ++fd) {
    if (::dup2(null.get(), fd) < 0) return failed("dup2()");
  }
  return Ok{};
}

std::optional<std::chrono::milliseconds> cpu_time_of(pid_t pid) {
  const std::string fields = stat_fields(pid);
  unsigned long user = 0, system = 0;
  if (std::sscanf(fields.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                  &system) != 2) {
    return std::nullopt;
  }
  static const long ticks = ::sysconf(_SC_CLK_TCK);
  return std::chrono::milliseconds(static_cast<long>(user + system) * 1000 / ticks);
}

char process_state_of(pid_t pid) {
  const std::string fields = stat_fields(pid);
  return fields.empty() ? '\0' : fields.front();
}

bool volunteer_for_oom_killer() {
  // In thousandths of the memory there is: where that is little, too, a worker has to weigh more
  // than its parent.
  constexpr int more = 500, most = 1000;
  const Fd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  char text[16] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return false;
  const int adjusted = std::min(std::atoi(text) + more, most);
  const int size = std::snprintf(text, sizeof text, "%d", adjusted);
  return ::pwrite(file.get(), text, static_cast<std::size_t>(size), 0) == size;
}

bool process_lives(pid_t pid) {
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) return false;
  const char state = process_state_of(pid);
  return state != 'Z' && state != 'X';  // '\0': hidden from us, but it is there
}

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

Result<Ok> pin_to_cpu(int nth) {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (::sched_getaffinity(0, sizeof usable, &usable) != 0) return failed("sched_getaffinity()");
  int skip = nth % std::max(1, CPU_COUNT(&usable));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(static_cast<std::size_t>(cpu), &usable) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) return failed("sched_setaffinity()");
    return Ok{};
  }
  return failed("no usable CPU");
}

std::uint64_t fd_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

std::uint64_t fd_limit_hard() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 1024;
}

Result<std::uint64_t> raise_fd_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("getrlimit()");
  if (limit.rlim_cur >= wanted) return std::uint64_t{limit.rlim_cur};
  rlimit more = limit;
  more.rlim_cur = wanted;
  more.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);
  if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return wanted;
  more = limit;  // not allowed to go beyond the hard limit: take what there is
  more.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &more) != 0) return failed("setrlimit()");
  return std::uint64_t{more.rlim_cur};
}

}  // namespace weir
