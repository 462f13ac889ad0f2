#include "upstream/discovery_source.h"

#include <fmt/format.h>

#include "upstream/discover_dns.h"
#include "upstream/discover_file.h"

namespace weir {

std::unique_ptr<DiscoverySource> make_discovery_source(const SourcePlace& place) {
  switch (place.conf.kind) {
    case conf::DiscoverConf::Kind::file: return std::make_unique<DiscoverFile>(place);
    case conf::DiscoverConf::Kind::dns: return std::make_unique<DiscoverDns>(place);
    case conf::DiscoverConf::Kind::zookeeper: break;
  }
  assert(false && "the parser lets no other through");
  return {};
}

std::string source_name(const conf::DiscoverConf& conf) {
  switch (conf.kind) {
    case conf::DiscoverConf::Kind::file: return fmt::format("file {}", conf.path);
    case conf::DiscoverConf::Kind::dns:
      return conf.srv ? fmt::format("dns srv {}", conf.name)
                      : fmt::format("dns {}:{}", conf.name, conf.port);
    case conf::DiscoverConf::Kind::zookeeper: return fmt::format("zookeeper {}", conf.path);
  }
  return {};
}

}  // namespace weir
