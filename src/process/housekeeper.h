// Housekeeper: cleans up after dead processes, folds their statistics, looks after the health of
// peers, answers the read-only admin HTTP. One per instance; a new one starts its work only after
// the old one said it has stopped.
#pragma once

#include <vector>

#include "process/children.h"
#include "process/instance.h"

namespace weir::process {

struct HousekeeperPlan {
  const Generation& generation;
  shm::Zones& zones;
  std::vector<Listeners::Shard> admin;
  bool alone = false;  // there is no predecessor that still writes
};
int run_housekeeper(const HousekeeperPlan& plan, ChildSide& side);

}  // namespace weir::process
