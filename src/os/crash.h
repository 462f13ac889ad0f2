// Crash handler: a process that dies of its own making leaves a stack in the error log.
//
// Everything the handler does is async-signal-safe: it formats into its own memory and writes to a
// descriptor that must be non-blocking (a stalled disk must not keep a dead process alive). The
// signal is then raised again with its default action, so that the parent sees the true cause.
#pragma once

#include <string_view>

namespace weir {

// Installs the handler for SEGV, BUS, ILL, FPE, ABRT, SYS, on a stack of its own. `title` is
// copied (at most 64 bytes). Installing again changes descriptor and title.
void install_crash_handler(int log_fd, std::string_view title);

}  // namespace weir
