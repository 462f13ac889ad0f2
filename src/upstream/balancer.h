// Balancer: which peer of a roster gets the next request. One file per way of choosing. It knows
// nothing of health or failures: who is fit stands in the roster, who may be chosen now the Choice
// says.
#pragma once

#include <memory>

#include "conf/model.h"
#include "upstream/roster.h"

namespace weir {

class Balancer {
 public:
  virtual ~Balancer() = default;

  // The roster is another one now; what was derived from the last one is void. Called before the
  // first pick(), outside of any.
  virtual void renew(const Roster& roster) = 0;

  // The index of a peer that may be chosen; no_peer when there is none, never otherwise. The roster
  // is the one of the last renew().
  virtual std::size_t pick(const Choice& choice) = 0;
};

// `seed` differs between workers, so that they do not all begin with the same peer.
std::unique_ptr<Balancer> make_balancer(const conf::UpstreamConf& conf, std::uint32_t seed);

}  // namespace weir
