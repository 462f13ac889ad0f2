// Least: the peer that has the least of something for its weight: requests in flight, times what a
// request of it costs. Among several that have the least, each in turn, by weight, smoothly.
//
// What the others have at the one that seems best is asked again before it is taken: so workers
// that know the same of a moment ago do not all run to the same peer.
//
// All peers are compared for each pick, in blocks that a compiler makes vector instructions of:
// some hundred nanoseconds for a thousand peers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/loads.h"

namespace weir {

class Least : public Balancer {
 public:
  // `offset`: what is added to the requests in flight. 0: only the least loaded are considered,
  // whatever they cost; 1: as if the request were there already.
  Least(std::uint32_t seed, float offset) : next_(seed), offset_(offset) {}

  void renew(const Roster& roster) final;
  std::size_t pick(const Choice& choice) final;

 protected:
  // What a request in flight counts at each peer, divided by its weight; asked for after renew()
  // and whenever the loads were added up.
  virtual void find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                          std::span<float> costs) = 0;

 private:
  float score(std::uint32_t load, std::size_t index) const {
    return (static_cast<float>(static_cast<std::int32_t>(load)) + offset_) * costs_[index];
  }
  float compare();  // fills scores_; gives the lowest
  float lowest() const;
  std::size_t in_turn(float lowest) const;
  std::size_t in_turn_by_weight(float lowest) const;
  void took(std::size_t index, const Roster& roster);

  Loads loads_;
  std::vector<float> costs_, scores_;
  std::vector<std::uint64_t> due_;  // unequal weights: when each one's turn is
  std::uint64_t time_ = 0;
  bool equal_ = true, renewed_ = false;
  std::size_t next_;  // equal weights: whose turn it is
  float offset_;
};

}  // namespace weir
