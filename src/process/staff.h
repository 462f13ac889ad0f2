// Staff: starts the processes of each role, with what that role needs and nothing else.
#pragma once

#include <string>

#include "process/instance.h"

namespace weir::process {

class Staff {
 public:
  explicit Staff(Instance& instance) : instance_(instance) {}

  // Null: `why` says it. A worker waits for go, a housekeeper too; a logger works at once.
  Child* start_worker(const Generation& generation, unsigned index, std::string& why);
  Child* start_housekeeper(const Generation& generation, std::string& why);
  // Waits for go, as the folders may still be another's.
  Child* start_cache_keeper(const Generation& generation, std::string& why);
  Child* start_compressor(const Generation& generation, std::string& why);
  Child* start_logger(const Generation& generation, std::string& why);

  // To the logger and to all that hold the error log, after files were opened.
  void hand_over_logs();

 private:
  SpawnPlan plan_for(const Generation& generation, shm::Role role, std::string title) const;

  Instance& instance_;
};

}  // namespace weir::process
