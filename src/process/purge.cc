#include "process/purge.h"

#include <fmt/format.h>

#include "cache/key.h"
#include "process/purge_keys.h"

namespace weir::process {
namespace {

using What = PurgeCommand::What;

struct Tally {
  std::size_t asked = 0;
  bool found = false;  // something was stored under a key
  bool done = true;    // no store had too many purges already
};

void purge_keys_of(cache::Store& store, const PurgeKeys::OfCache& cache, bool soft, Tally& tally) {
  for (const std::string& key : cache.keys) {
    tally.found |= store.purge(store.key(key), soft);
    if (cache.has_more) tally.done &= store.purge_prefix(key + cache::key_mark, soft);
  }
}

void purge_store(cache::Store& store, const PurgeKeys::OfCache& cache, const PurgeCommand& command,
                 Tally& tally) {
  switch (command.what) {
    case What::url:
    case What::key: return purge_keys_of(store, cache, command.soft, tally);
    case What::prefix:
      for (const std::string& key : cache.keys) tally.done &= store.purge_prefix(key, command.soft);
      return;
    case What::tag: return store.purge_tag(cache::Store::tag_hash(command.text), command.soft);
    case What::all: return store.purge_all(command.soft);
  }
}

bool any_has_more(const PurgeKeys& keys) {
  for (const PurgeKeys::OfCache& cache : keys.caches) {
    if (cache.has_more) return true;
  }
  return false;
}

// Of many it is not known whether there were any: they are compared later, or when they are found.
std::string outcome_of(const PurgeCommand& command, const PurgeKeys& keys, const Tally& tally) {
  const bool one = command.what == What::url || command.what == What::key;
  const std::string_view now = command.soft ? "stale" : "gone";
  if (one && tally.found) return fmt::format("something was stored, and is {} now", now);
  if (one && !any_has_more(keys)) return "nothing was stored";
  return fmt::format("what was stored is {} now", now);
}

}  // namespace

Purged purge(const cache::Stores& stores, const conf::Config& config, const PurgeCommand& command) {
  const PurgeKeys keys = purge_keys(config, command);
  if (!keys.error.empty()) return {false, keys.error};
  Tally tally;
  for (const PurgeKeys::OfCache& cache : keys.caches) {
    ++tally.asked;
    for (const cache::Stores::Named& named : stores.all()) {
      // More than one has the name while an earlier generation still uses its own.
      if (named.name == cache.cache->name) purge_store(*named.store, cache, command, tally);
    }
  }
  if (!tally.done) return {false, "too many purges are being worked on; try again"};
  return {true, fmt::format("asked {} cache{}: {}", tally.asked, tally.asked == 1 ? "" : "s",
                            outcome_of(command, keys, tally))};
}

}  // namespace weir::process
