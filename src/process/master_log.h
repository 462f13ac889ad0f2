// MasterLog: where the master's own lines go. Before the configuration is read: stderr, or what -e
// names. Then the error log, and also the terminal until the start is over, so that whoever started
// the instance sees what went wrong.
#pragma once

#include <string>

#include "process/log_files.h"

namespace weir::process {

void log_early(const std::string& file);  // empty or "stderr": stderr
void log_as_master(const LogFiles& logs);
void stop_telling_the_terminal();
void log_as_master_ends();  // `logs` goes away: back to stderr

}  // namespace weir::process
