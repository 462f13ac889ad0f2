#include "upstream/balancer.h"
#include "upstream/first.h"
#include "upstream/hashed.h"
#include "upstream/least_conn.h"
#include "upstream/least_load.h"
#include "upstream/least_time.h"
#include "upstream/random_two.h"
#include "upstream/round_robin.h"

namespace weir {

std::unique_ptr<Balancer> make_balancer(const conf::UpstreamConf& conf, std::uint32_t seed) {
  switch (conf.balance->kind) {
    case conf::Balance::round_robin: return std::make_unique<RoundRobin>(seed);
    case conf::Balance::least_conn: return std::make_unique<LeastConn>(seed);
    case conf::Balance::random: return std::make_unique<RandomTwo>(seed);
    case conf::Balance::hash: return std::make_unique<Hashed>(conf.balance->bounded_load);
    case conf::Balance::ip_hash: return std::make_unique<Hashed>(0);
    case conf::Balance::first: return std::make_unique<First>();
    case conf::Balance::least_time: return std::make_unique<LeastTime>(seed);
    case conf::Balance::least_load:
      return std::make_unique<LeastLoad>(seed, conf.health_check->interval);
  }
  assert(false && "a balance that does not exist");
  return nullptr;
}

}  // namespace weir
