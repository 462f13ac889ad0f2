// Roster: peers that are equally fit to be chosen, side by side in memory, with the weights that
// they have now. Made by the group whenever something changed; what a balancer derives from it
// (turns, a ring, sums) is made anew then, and only then.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "upstream/peer.h"

namespace weir {

inline constexpr std::size_t no_peer = static_cast<std::size_t>(-1);

struct Roster {
  // A weight of 1 is so many of these, so that a peer in its slow start can have a part of it.
  static constexpr std::uint32_t weight_unit = 64;

  std::vector<Peer*> peers;            // in the order of the configuration
  std::vector<std::uint32_t> weights;  // of each, in weight_units; never 0

  std::size_t size() const { return peers.size(); }
  void clear() { peers.clear(), weights.clear(); }
  void add(Peer& peer, std::uint32_t weight) {
    assert(weight != 0);
    peers.push_back(&peer);
    weights.push_back(weight);
  }
  bool operator==(const Roster&) const = default;
};

// The peers that an exchange has tried, by number. The first costs nothing to note, groups of up to
// 64 peers no memory.
class TriedPeers {
 public:
  bool contains(std::size_t number) const {
    if (number == first_) return true;
    if (number < 64) return ((low_ >> number) & 1) != 0;
    const std::size_t word = number / 64 - 1;
    return word < high_.size() && ((high_[word] >> (number % 64)) & 1) != 0;
  }
  void add(std::size_t number) {
    ++count_;
    if (first_ == no_peer) {
      first_ = number;
    } else if (number < 64) {
      low_ |= std::uint64_t{1} << number;
    } else {
      if (high_.size() < number / 64) high_.resize(number / 64);
      high_[number / 64 - 1] |= std::uint64_t{1} << (number % 64);
    }
  }
  std::size_t count() const { return count_; }

 private:
  std::size_t first_ = no_peer, count_ = 0;
  std::uint64_t low_ = 0;
  std::vector<std::uint64_t> high_;
};

// One choice: what it is made for, and who of a roster may be chosen.
class Choice {
 public:
  Choice(const Roster& roster, const TriedPeers& tried, std::uint64_t key, clock::Monotonic now)
      : roster_(roster), tried_(tried), key_(key), now_(now) {}

  const Roster& roster() const { return roster_; }
  std::size_t size() const { return roster_.size(); }
  Peer& operator[](std::size_t index) const { return *roster_.peers[index]; }
  std::uint64_t key() const { return key_; }  // of hash and ip_hash
  clock::Monotonic now() const { return now_; }

  // Costs a look at the rows of all workers where the peer has max_conns: ask it of the few that
  // are about to be chosen.
  bool may(std::size_t index) const {
    if (was_tried(index)) return false;
    if (roster_.peers[index]->has_room()) return true;
    busy_ = true;
    return false;
  }
  bool was_tried(std::size_t index) const {
    return tried_.count() != 0 && tried_.contains(roster_.peers[index]->number());
  }
  bool met_busy() const { return busy_; }  // may() was false for a peer at its max_conns

 private:
  const Roster& roster_;
  const TriedPeers& tried_;
  std::uint64_t key_;
  clock::Monotonic now_;
  mutable bool busy_ = false;
};

}  // namespace weir
