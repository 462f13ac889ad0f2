// Crew: the processes that generate the load, and the one that waits for them: starts them, shows
// how far they are, ends them early on a signal, adds up what they counted. Processes and not
// threads, as in weir itself: each has a loop, a clock and a TLS library to itself.
#pragma once

#include <chrono>
#include <string>

#include "tools/load/plan.h"
#include "tools/load/tally.h"

namespace weir::load {

struct Outcome {
  Tally tally;
  std::chrono::nanoseconds elapsed{0};   // of the load: its duration, or less when it ended early
  std::chrono::duration<double> cpu{0};  // that the workers used
  bool interrupted = false;
};

// False: it could not be run, with the reason in `error`.
bool run_crew(Plan& plan, Outcome& out, std::string& error);

}  // namespace weir::load
