// ChildLog: where a child's error lines go: its ring, and from there through the logger to the
// file. A line that finds the ring full goes straight to the inherited descriptor, which does not
// block.
#pragma once

#include "os/fd.h"
#include "process/children.h"
#include "shm/zones.h"

namespace weir::process {

// Sets the process' log sink, for good. `zones` outlives the process' use of the log. The ring has
// one producer: a child that writes to its ring in other ways must use writer().
void log_to_ring(shm::Zones& zones, shm::SlotId slot, int fallback_fd);

// The error log was opened anew: its descriptor takes the old one's place, number and all, because
// the crash handler and the log know no other.
void switch_error_log(const ChildSide& side, const std::vector<Fd>& received);

}  // namespace weir::process
