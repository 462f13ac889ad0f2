// PurgeKeys: the keys that `weirctl purge` means: what a URL is stored under by each cache_key of
// the locations that use a cache. Pure: the master asks first, to say what is wrong, and the
// housekeeper again, to obey.
#pragma once

#include <string>
#include <vector>

#include "conf/model.h"
#include "process/purge_command.h"

namespace weir::process {

struct PurgeKeys {
  struct OfCache {
    const conf::CacheConf* cache;
    std::vector<std::string> keys{};  // url, key: keys; prefix: what keys begin with; else none
    bool has_more = false;  // besides key K also those that begin with K + '\n' (cache/key.h)
  };
  std::vector<OfCache> caches{};  // that are asked; empty: `error` says why
  std::string error{};
  std::string left{};  // the locations whose answers stay, and why; empty: none
};
PurgeKeys purge_keys(const conf::Config& config, const PurgeCommand& command);

}  // namespace weir::process
