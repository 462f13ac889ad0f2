#include "upstream/upstreams.h"

#include <cassert>

#include "tls/contexts.h"

namespace weir {

Upstreams::Upstreams(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
                     const GroupPlace& place) {
  for (const conf::UpstreamConf& upstream : config.upstreams) {
    tls::UpstreamContext* tls = *upstream.ssl ? contexts->upstream(upstream) : nullptr;
    groups_.emplace(&upstream, std::make_unique<Group>(loop, upstream, tls, place));
  }
}

Group& Upstreams::group(const conf::UpstreamConf& conf) {
  const auto at = groups_.find(&conf);
  assert(at != groups_.end());
  return *at->second;
}

void Upstreams::drop_idle() {
  for (auto& [conf, group] : groups_) group->pool().drop_idle();
}

std::size_t Upstreams::idle_connections() const {
  std::size_t count = 0;
  for (const auto& [conf, group] : groups_) count += group->pool().idle_count();
  return count;
}

}  // namespace weir
