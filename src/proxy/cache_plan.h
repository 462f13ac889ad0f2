// CachePlan: a [cache] as the locations that use it see it. One per worker and [cache].
#pragma once

#include "cache/rules.h"
#include "cache/store.h"
#include "conf/model.h"

namespace weir {

struct CachePlan {
  const conf::CacheConf* conf = nullptr;
  cache::Store* store = nullptr;
  cache::Rules rules;
};

}  // namespace weir
