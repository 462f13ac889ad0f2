// DiscoverySource: something that knows the peers of a group and tells when they change: a file, a
// name in the DNS. It tells what it sees; whether that is believed is the Acceptance's business.
//
// Runs in the housekeeper's loop: never blocks for long, has no thread. Destroying it ends its
// work; not inside one of its own calls.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "conf/model.h"
#include "event/loop.h"
#include "upstream/found_peers.h"

namespace weir {

class DiscoverySource {
 public:
  class Owner {
   public:
    virtual void on_found(DiscoverySource& source, FoundSet set) = 0;
    virtual void on_trouble(DiscoverySource& source, const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~DiscoverySource() = default;
  // Begins to look, and goes on for good. The owner is called from the loop, never inside.
  virtual void start() = 0;
  // Look again soon, whatever is known: the last answer is to be confirmed.
  virtual void look_again(std::chrono::milliseconds delay) = 0;
};

struct SourcePlace {
  Loop& loop;
  DiscoverySource::Owner& owner;
  const conf::DiscoverConf& conf;      // outlives the source
  const conf::ResolverConf& resolver;  // too
  std::size_t peers_max;
};
std::unique_ptr<DiscoverySource> make_discovery_source(const SourcePlace& place);

// What the source is, for log lines and for the file in which its last set is kept: the same for
// lines that differ in the options of peers alone.
std::string source_name(const conf::DiscoverConf& conf);

}  // namespace weir
