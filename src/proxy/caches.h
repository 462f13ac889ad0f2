// Caches: the [cache] sections of the configuration in one worker: what its locations get of them,
// and the news of the stores.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "conf/model.h"
#include "event/watcher.h"
#include "proxy/cache_plan.h"
#include "shm/counters.h"

namespace weir {

// In the worker's counters, and in those of the cache.
void count_served(shm::CounterRow& counters, const CachePlan& plan, const cache::Served& served);

class Caches {
 public:
  // `stores`: one for each [cache], in the order of the configuration; none: nothing is stored
  // (tests).
  Caches(Loop& loop, const conf::Config& config, shm::SlotId slot,
         std::span<const std::shared_ptr<cache::Store>> stores);
  Caches& operator=(Caches&&) = delete;

  const CachePlan* plan(const conf::CacheConf& conf) const;

 private:
  struct Cache {
    Cache(Loop& loop, const conf::CacheConf& conf, cache::Store& store);
    CachePlan plan;
    LevelWatcher watcher;  // others have fetched what ours wait for
  };
  const conf::Config& config_;
  std::vector<std::unique_ptr<Cache>> caches_;
};

}  // namespace weir
