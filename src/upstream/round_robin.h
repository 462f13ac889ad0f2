// Round robin: peers in turn.
#pragma once

#include "upstream/balancer.h"

namespace weir {

class RoundRobin final : public Balancer {
 public:
  std::size_t pick(const Candidates& candidates) override;

 private:
  std::size_t next_ = 0;  // whose turn it is
};

}  // namespace weir
