// Balancer: which peer of a group gets the next request. One file per way of choosing; the group
// owns one and every exchange of the worker asks it. It knows nothing of time, connections or
// failures: who may be chosen comes in as Candidates.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "upstream/peer.h"

namespace weir {

using Peers = std::vector<std::unique_ptr<Peer>>;

inline constexpr std::size_t no_peer = static_cast<std::size_t>(-1);

// The peers that an exchange has tried. The first costs nothing to note, groups of up to 64 peers
// no memory.
class TriedPeers {
 public:
  bool contains(std::size_t index) const {
    if (index == first_) return true;
    if (index < 64) return ((low_ >> index) & 1) != 0;
    const std::size_t word = index / 64 - 1;
    return word < high_.size() && ((high_[word] >> (index % 64)) & 1) != 0;
  }
  void add(std::size_t index) {
    ++count_;
    if (first_ == no_peer) {
      first_ = index;
    } else if (index < 64) {
      low_ |= std::uint64_t{1} << index;
    } else {
      if (high_.size() < index / 64) high_.resize(index / 64);
      high_[index / 64 - 1] |= std::uint64_t{1} << (index % 64);
    }
  }
  std::size_t count() const { return count_; }

 private:
  std::size_t first_ = no_peer, count_ = 0;
  std::uint64_t low_ = 0;
  std::vector<std::uint64_t> high_;
};

// Who may be chosen now. Cheap to ask: a balancer asks once per peer it looks at.
class Candidates {
 public:
  Candidates(const Peers& peers, const TriedPeers& tried, clock::Monotonic now, bool shunned_too)
      : peers_(peers), tried_(tried), now_(now), shunned_too_(shunned_too) {}

  std::size_t size() const { return peers_.size(); }
  const Peer& operator[](std::size_t index) const { return *peers_[index]; }
  bool usable(std::size_t index) const {
    return !tried_.contains(index) && (shunned_too_ || !peers_[index]->shunned(now_));
  }

 private:
  const Peers& peers_;
  const TriedPeers& tried_;
  clock::Monotonic now_;
  bool shunned_too_;
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  // The index of a usable peer; no_peer when none is usable, never otherwise.
  virtual std::size_t pick(const Candidates& candidates) = 0;
};

}  // namespace weir
