// ChildLog: where a child's error lines go: its ring, and from there through the logger to the
// file. A line that finds the ring full goes straight to the inherited descriptor, which does not
// block.
#pragma once

#include "shm/zones.h"

namespace weir::process {

// Sets the process' log sink, for good. `zones` outlives the process' use of the log. The ring has
// one producer: a child that writes to its ring in other ways must use writer().
void log_to_ring(shm::Zones& zones, shm::SlotId slot, int fallback_fd);

}  // namespace weir::process
