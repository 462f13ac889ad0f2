// Debug: an instance in the foreground with weir-top over it, for a person at a terminal.
//
//   weir --debug (waits) --+-- weir, in a process group of its own: the terminal is not its
//                          '-- weir-top, which shows through a pipe what weir says
#pragma once

#include "process/application.h"
#include "process/options.h"

namespace weir::process {

// Returns in two processes: that of the instance, when it is over, and the one that waited.
int debug_instance(const Options& options, Application& application);

}  // namespace weir::process
