// Worker: the process that serves. Runs one WorkerService on one Loop and obeys its channel.
//
//   ready -> go -> serves -> drain -> (empty, or stop) -> exit
//                    `-> the channel ends (master gone): serves on, drains after 60 s
#pragma once

#include <vector>

#include "process/children.h"
#include "process/instance.h"

namespace weir::process {

struct WorkerPlan {
  const Generation& generation;
  shm::Zones& zones;
  std::vector<Listeners::Shard> shards;
};

// In the child; returns its exit status.
int run_worker(const WorkerPlan& plan, ChildSide& side);

}  // namespace weir::process
