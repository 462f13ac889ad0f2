// Signals: the master reads them from a descriptor; a child starts with none blocked or handled.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <optional>

#include "base/result.h"
#include "os/fd.h"

namespace weir {

struct SignalReceived {
  int number;
  pid_t sender;  // 0: the kernel
};

class SignalFd {
 public:
  // Blocks the signals and opens a descriptor for them.
  static Result<SignalFd> open(std::initializer_list<int> signals);
  int fd() const { return fd_.get(); }
  std::optional<SignalReceived> next();  // nullopt: no more for now

 private:
  explicit SignalFd(Fd fd) : fd_(static_cast<Fd&&>(fd)) {}
  Fd fd_;
};

// In a child after fork: default dispositions, an empty mask, and SIGPIPE ignored.
void reset_signals();
void ignore_signals(std::initializer_list<int> signals);

}  // namespace weir
