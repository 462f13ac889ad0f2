// Prober: probes one peer again and again, by one plan. Never two probes at a time: the next begins
// an interval after the last one began, or when that has ended, whatever is later.
#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "upstream/probe.h"

namespace weir {

class Prober {
 public:
  // What came of a probe. Returns how long after its beginning the next one is due. May not
  // destroy the prober.
  using Ended = std::chrono::milliseconds (*)(void* owner, const ProbeResult& result);

  // `host` is the peer as configured; a view that outlives the prober.
  Prober(Loop& loop, const ProbePlan& plan, const Address& peer, std::string_view host, Ended ended,
         void* owner);
  Prober& operator=(Prober&&) = delete;

  void start(std::chrono::milliseconds delay);

 private:
  void begin();
  void probed(const ProbeResult& result);

  Loop& loop_;
  const ProbePlan& plan_;
  const Address address_;
  const std::string_view host_;
  const std::string field_;
  Ended ended_;
  void* owner_;
  Timer timer_;
  std::unique_ptr<Probe> probe_;
  clock::Monotonic began_{};
  std::minstd_rand random_;
};

}  // namespace weir
