// Upstreams: all groups of one worker, by their configuration.
#pragma once

#include <memory>
#include <unordered_map>

#include "conf/model.h"
#include "event/loop.h"
#include "upstream/group.h"

namespace weir {

namespace tls {
class Contexts;
}

class Upstreams {
 public:
  // `contexts` may be null where no upstream has `ssl = on`. Both outlive this.
  Upstreams(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
            const GroupPlace& place);
  Upstreams& operator=(Upstreams&&) = delete;

  Group& group(const conf::UpstreamConf& conf);  // one of the configuration's
  void drop_idle();                              // pooled connections of all groups
  std::size_t idle_connections() const;

 private:
  std::unordered_map<const conf::UpstreamConf*, std::unique_ptr<Group>> groups_;
};

}  // namespace weir
