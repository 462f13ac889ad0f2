// Least: the peer that has the least of something for its weight: requests in flight, times what a
// request of it costs. Among several that have the least, each in turn, by weight, smoothly.
//
// What the others have at the one that seems best is asked again before it is taken: so workers
// that know the same of a moment ago do not all run to the same peer.
//
// All peers are compared for each choice, and yet few are looked at: the best of each block of 64
// is kept, and found anew only where that peer itself has become worse.
#pragma once

#include <cstdint>
#include <memory>
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
  // What a request in flight counts at each peer, divided by its weight. Asked for before each
  // choice; false: as they were.
  virtual bool find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                          std::span<float> costs) = 0;
  // The same for one peer: this worker had an answer of it, perhaps; or it is about to be taken,
  // and what others know of it is asked again.
  enum class Ask : std::uint8_t { own, all };
  virtual void find_cost(const Roster&, std::size_t /*index*/, clock::Monotonic, Ask,
                         std::span<float> /*costs*/) {}

 private:
  struct Best {  // of a block
    float score;
    std::uint32_t index;
    std::uint64_t due;
    bool operator<(const Best& other) const {
      return score != other.score ? score < other.score : due < other.due;
    }
  };

  float score(std::size_t index) const {
    const auto load = static_cast<std::int32_t>(loads_.of(index));
    return (static_cast<float>(load) + offset_) * costs_[index];
  }
  void look(const Choice& choice);
  bool stays(std::size_t index);
  void find_best(std::size_t block);
  const Best& best() const;
  bool correct(const Choice& choice, std::size_t index);
  void set_score(std::size_t index, float score);
  void took(std::size_t index, const Roster& roster);

  Loads loads_;
  std::shared_ptr<Touched> touched_;
  std::vector<float> costs_, scores_;
  std::vector<std::uint64_t> due_;  // when each one's turn is
  std::vector<Best> best_;
  std::uint64_t time_ = 0;
  bool renewed_ = false;
  std::size_t next_;  // who has the first turn in a new roster
  float offset_;
};

}  // namespace weir
