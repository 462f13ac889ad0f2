// Processes: pidfds, how a process ended, its title, and what a child keeps open.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace weir {

// A descriptor that becomes readable when the process (a child not yet reaped) ends.
Result<Fd> pidfd_of(pid_t pid);
bool send_signal(const Fd& pidfd, int signal);  // false: it is gone

// How a child ended.
struct Ending {
  pid_t pid = 0;
  bool by_signal = false;
  int value = 0;      // exit status or signal
  bool core = false;  // a core was dumped

  bool clean() const { return !by_signal && value == 0; }
  std::string text() const;  // "exited with status 1", "was killed by signal 11 (SIGSEGV)"
};
std::optional<Ending> reap(const Fd& pidfd);  // nullopt: it still runs

std::string signal_name(int signal);  // "SIGSEGV", or the number

// Written over argv and the environment (which is moved away first), as ps(1) shows it, and in
// short to the kernel's comm. remember() once, before anything else runs.
class ProcessTitle {
 public:
  static void remember(int argc, char** argv);
  static void set(std::string_view title);
};

// Closes every descriptor but 0, 1, 2 and those of `keep`.
void close_others(std::vector<int> keep);

// Makes 0, 1 and 2 refer to something (/dev/null where they are closed), so that no later open()
// lands there.
Result<Ok> secure_standard_fds();
Result<Ok> stdio_to_null(bool keep_stderr);

// CPU time the process used so far; nullopt when it is gone.
std::optional<std::chrono::milliseconds> cpu_time_of(pid_t pid);
char process_state_of(pid_t pid);  // 'R', 'S', 'D', 'T', ... of /proc/PID/stat; '\0': gone

// Where the machine's memory runs out the kernel takes this process before its parent. False: it
// refused.
bool volunteer_for_oom_killer();

bool process_lives(pid_t pid);  // there is one of that number, and it is no zombie

int usable_cpus();               // of this process' affinity mask, at least 1
Result<Ok> pin_to_cpu(int nth);  // the nth of the usable ones (modulo their number)
Result<std::uint64_t> raise_fd_limit(std::uint64_t wanted);  // the soft limit after the attempt
std::uint64_t fd_limit();
std::uint64_t fd_limit_hard();

}  // namespace weir
