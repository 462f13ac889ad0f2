// Daemon: leaves the terminal, and lets the starting shell wait for the truth: the first process
// exits only when its grandchild says how the start went, with that status.
#pragma once

#include "base/result.h"
#include "os/fd.h"

namespace weir::process {

class Daemon {
 public:
  // In the foreground: nobody waits, report() does nothing.
  Daemon() = default;
  // In the foreground, and somebody waits at the other end of the pipe for how the start went.
  static Daemon awaited(Fd pipe);
  // Returns in the grandchild only (new session, folder /, umask 027, standard input and output
  // are /dev/null; standard error stays until report()). The first process exits in here.
  static Result<Daemon> enter();

  // Once. Afterwards, where it left the terminal, standard error is /dev/null, too, unless the
  // error log needs it.
  void report(int status, bool keep_stderr);
  bool detached() const { return detached_; }

 private:
  Fd pipe_;
  bool detached_ = false;
};

}  // namespace weir::process
