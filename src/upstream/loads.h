// Loads: the requests in flight at each peer of a roster, over all workers. For those that compare
// many peers for one choice: so what the others have is kept as a sum, and read again only where it
// changed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "upstream/roster.h"

namespace weir {

class Loads {
 public:
  void renew(const Roster& roster);

  // Looks where others had a request come or go since the last time, and marks the peers that are
  // not as they were. Not all at once where that would take long (very many peers and workers, or a
  // long time): then it goes on there the next time.
  void refresh(Touched& changed);
  static constexpr std::size_t reads_most = 4096;

  std::uint32_t of(std::size_t index) const {
    return others_[index] + own_[index]->load(std::memory_order_relaxed);
  }
  // Asks the rows of those that there were then about this one now.
  void correct(std::size_t index);

  // How many there are at all peers together; at most so old, older where there are very many peers
  // and workers. True: counted anew.
  bool count(clock::Monotonic now, std::chrono::nanoseconds most_age);
  std::uint64_t total() const { return total_; }
  static constexpr std::chrono::nanoseconds per_read{30};

 private:
  // Peers whose cells lie in one line, where a worker tells by one count that something changed.
  struct Line {
    std::uint32_t cell;      // one of them
    std::uint32_t from, to;  // in by_line_
  };
  void find_others();
  std::size_t look(std::size_t line, Touched& changed);
  std::uint32_t sum_of_others(std::uint32_t cell) const;

  std::vector<const std::atomic<std::uint32_t>*> own_;
  std::vector<std::uint32_t> others_, cells_;
  std::vector<bool> shared_;  // it has a cell
  std::vector<Line> lines_;
  std::vector<std::uint32_t> by_line_;  // indexes of those that have cells
  // Of each line, the sum of the counts of all others: all of them only grow, so it changes with
  // each.
  std::vector<std::uint64_t> seen_;
  struct Other {  // a worker; by cell, and by line
    const std::atomic<std::uint32_t>*in_flight, *changes;
  };
  std::vector<Other> workers_;  // the others, as of the last refresh() or count()
  const shm::PeerTable* table_ = nullptr;
  shm::SlotId slot_{};
  std::size_t size_ = 0, next_line_ = 0;
  std::uint64_t total_ = 0;
  clock::Monotonic counted_{};
  std::chrono::nanoseconds age_least_{};
  bool is_counted_ = false;
};

}  // namespace weir
