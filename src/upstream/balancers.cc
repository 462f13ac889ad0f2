#include "upstream/balancer.h"
#include "upstream/round_robin.h"

namespace weir {

std::unique_ptr<Balancer> make_balancer(const conf::BalanceConf& conf, std::uint32_t seed) {
  switch (conf.kind) {
    case conf::Balance::round_robin: return std::make_unique<RoundRobin>(seed);
    case conf::Balance::least_conn:
    case conf::Balance::random:
    case conf::Balance::least_time:
    case conf::Balance::hash:
    case conf::Balance::ip_hash:
    case conf::Balance::first:
    case conf::Balance::least_load: break;
  }
  assert(false && "conf/ refuses it as not built yet");
  return nullptr;
}

}  // namespace weir
