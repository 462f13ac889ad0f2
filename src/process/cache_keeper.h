// Cache keeper: the one process that touches the folders of disk tiers. One per instance, where a
// [cache] has a path; what it does is cache/disk_keeper.h. It may hang as long as a disk does:
// nobody waits for it.
//
//   ready -> go -> keeps -> (yield: a successor follows) stop -> exit
#pragma once

#include "process/children.h"
#include "process/instance.h"

namespace weir::process {

struct CacheKeeperPlan {
  const Generation& generation;
  shm::Zones& zones;
};

bool needs_cache_keeper(const conf::Config& config);
int run_cache_keeper(const CacheKeeperPlan& plan, ChildSide& side);

}  // namespace weir::process
