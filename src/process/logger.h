// Logger: the one process that writes log files. Takes lines out of all rings, at least every
// 100 ms; files come from the master. It leaves when the master tells it to, or, without a master,
// when no process is left that could log.
#pragma once

#include <vector>

#include "process/children.h"
#include "process/log_files.h"
#include "shm/zones.h"

namespace weir::process {

struct LoggerPlan {
  shm::Zones& zones;
  std::vector<LogFiles::File> files;  // inherited descriptors
};
int run_logger(const LoggerPlan& plan, ChildSide& side);

}  // namespace weir::process
