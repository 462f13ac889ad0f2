// Loads: the requests in flight at each peer of a roster, over all workers. For those that compare
// many peers for one choice: what this worker has is exact, what the others have is what their rows
// said when they were last added up, about a millisecond ago at most. Arrays side by side, for they
// are walked.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "upstream/roster.h"

namespace weir {

class Loads {
 public:
  // What walks them goes in blocks of so many; behind the last peer stand such that nobody picks.
  static constexpr std::size_t block = 16;
  // Adding up is due after a millisecond; sooner where it costs little, later where there are very
  // many peers and workers.
  static constexpr std::chrono::milliseconds refreshed_after{1};
  static constexpr std::chrono::nanoseconds per_read{250}, per_read_least{30};
  static constexpr std::size_t reads_of_part = 1024;

  void renew(const Roster& roster);
  // Adds up when it is time to; true when it did.
  bool refresh(clock::Monotonic now, std::chrono::nanoseconds least = {}) {
    if (fresh_ && now - refreshed_ < std::max(interval_, least)) return false;
    add_up(now);
    return true;
  }

  // For who can afford some hundred reads a pick: looks at a part of the peers again, at the next
  // part next time.
  void refresh_part();

  std::size_t size() const { return size_; }
  std::size_t padded_size() const { return others_.size(); }
  std::uint32_t of(std::size_t index) const {
    return others_[index] + own_[index]->load(std::memory_order_relaxed);
  }
  void read_block(std::size_t at, std::array<std::uint32_t, block>& out) const {
    for (std::size_t i = 0; i < block; ++i) {
      out[i] = others_[at + i] + own_[at + i]->load(std::memory_order_relaxed);
    }
  }
  // Asks the rows of all about this one now; true when others have more there than was known.
  bool correct(std::size_t index);
  std::uint64_t total() const { return total_; }  // as it was at the last refresh

 private:
  void add_up(clock::Monotonic now);
  void add_up(std::size_t from, std::size_t to);

  std::vector<const std::atomic<std::uint32_t>*> own_;
  std::vector<std::uint32_t> others_, cells_;
  std::vector<std::uint32_t> shared_;  // 1: it has a cell
  const shm::PeerTable* table_ = nullptr;
  shm::SlotId slot_{};
  std::size_t size_ = 0;
  std::uint64_t total_ = 0;
  clock::Monotonic refreshed_{};
  std::chrono::nanoseconds interval_{};
  std::size_t slots_ = 1, part_ = 0;  // of workers; where the next part begins
  bool fresh_ = false;
};

}  // namespace weir
