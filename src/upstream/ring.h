// Ring: each peer has points on a circle of hashes, 160 for a weight of 1 (ketama); a key belongs
// to the peer of the first point at or behind it. Where a peer has its points follows from its
// identity alone: so all workers have the same ring, also after a restart, and when a peer leaves,
// only keys that were its own move.
//
// A table of where each part of the circle begins among the points makes a look-up two or three
// reads, whatever the number of peers. Renewed by the difference: what stays is not sorted again.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "upstream/roster.h"

namespace weir {

class Ring {
 public:
  static constexpr std::uint32_t points_per_weight = 160;
  // Beyond so many points in all each peer gets half as many per weight, or a quarter, ...
  static constexpr std::size_t points_most = std::size_t{1} << 19;

  void renew(const Roster& roster);

  bool empty() const { return points_.empty(); }
  std::size_t size() const { return points_.size(); }
  // The first point at or behind the key, and those behind it.
  std::size_t find(std::uint64_t key) const {
    const std::uint64_t sought = key & ~owner_mask;
    std::size_t at = starts_[key >> shift_];
    while (at < points_.size() && points_[at] < sought) ++at;
    return at < points_.size() ? at : 0;
  }
  std::size_t next(std::size_t point) const { return point + 1 < points_.size() ? point + 1 : 0; }
  std::size_t owner(std::size_t point) const {  // its index in the roster
    return index_of_[points_[point] & owner_mask];
  }

 private:
  // A point is a hash whose lowest bits say whose it is.
  static constexpr std::uint64_t owner_bits = 20, owner_mask = (1U << owner_bits) - 1;
  struct Owner {
    std::uint32_t number = 0;  // in index_of_
    std::uint32_t points = 0;
    std::uint32_t seen = 0;  // the renewal that last found it in the roster
  };
  std::uint32_t points_of(std::uint32_t weight) const;
  void add_points(std::uint64_t id, Owner& owner, std::uint32_t count);
  void remove_gone();
  void index();

  std::unordered_map<std::uint64_t, Owner> owners_;  // by the identity of the peer
  std::vector<std::uint64_t> points_, added_;
  std::vector<std::uint32_t> index_of_, free_numbers_;
  std::vector<bool> gone_;
  std::vector<std::uint32_t> starts_;
  unsigned shift_ = 63, halved_ = 0;
  std::uint32_t renewal_ = 0;
};

}  // namespace weir
