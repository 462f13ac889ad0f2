#include "proxy/caches.h"

#include "base/log.h"

namespace weir {

Caches::Cache::Cache(Loop& loop, const conf::CacheConf& conf, cache::Store& store)
    : plan{&conf, &store, cache::rules_of(conf)},
      watcher(
          loop, [](void* owner) { static_cast<cache::Store*>(owner)->on_wake(); }, &store) {
  if (!watcher.watch(store.wake_fd()))
    log::error("cache {}: requests that wait for others hear of nothing", conf.name);
}

Caches::Caches(Loop& loop, const conf::Config& config, shm::SlotId slot,
               std::span<const std::shared_ptr<cache::Store>> stores)
    : config_(config) {
  for (std::size_t at = 0; at < stores.size(); ++at) {
    stores[at]->enter(slot);
    caches_.push_back(std::make_unique<Cache>(loop, config.caches[at], *stores[at]));
  }
}

const CachePlan* Caches::plan(const conf::CacheConf& conf) const {
  const auto at = static_cast<std::size_t>(&conf - config_.caches.data());
  return at < caches_.size() ? &caches_[at]->plan : nullptr;
}

void count_served(shm::CounterRow& counters, const CachePlan& plan, const cache::Served& served) {
  plan.store->count(served);
  counters.cache_hits.add(served.hits);
  counters.cache_misses.add(served.misses);
  counters.cache_revalidated.add(served.revalidated);
  counters.cache_stale.add(served.stale);
  counters.cache_bypassed.add(served.bypassed);
  counters.cache_collapsed.add(served.collapsed);
  counters.cache_bytes_out.add(served.bytes_out);
}

}  // namespace weir
