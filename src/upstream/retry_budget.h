// RetryBudget: how many requests of a group may be tried again: at most a share of the requests of
// the last 10 s, and always 10 a second, over all workers. Without it a group that fails would get
// its load times the number of tries just when it can bear least.
//
// Each worker counts in the row of its slot, by seconds (shm/peers.h); the sum over all rows is
// made only when a retry is wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "shm/peers.h"

namespace weir {

class RetryBudget {
 public:
  static constexpr std::uint64_t always_per_second = 10;

  // No table, or no room in it: for this worker alone. `group` outlives the budget.
  RetryBudget(const shm::PeerTable* table, shm::SlotId slot, std::string_view group);
  ~RetryBudget();
  RetryBudget& operator=(RetryBudget&&) = delete;  // pinned

  // On every request: one load and one store but in the first of a second.
  void count_request(clock::Monotonic now) {
    if (now >= second_end_) begin_second(now);
    request_word_->store(request_word_->load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  }

  // One retry more, if it is within `percent` of the requests. What is denied is logged, at most
  // each `log_every`.
  [[nodiscard]] bool take(std::uint32_t percent, clock::Monotonic now);
  static constexpr std::chrono::seconds log_every{10};

 private:
  struct Sums {
    std::uint64_t requests = 0, retries = 0;  // of the last 10 s
    std::uint64_t retries_now = 0;            // of this second
  };
  void begin_second(clock::Monotonic now);
  Sums sums() const;
  void add(const shm::GroupRow& row, Sums& to) const;
  void denied(std::uint32_t percent, clock::Monotonic now);

  const shm::PeerTable* table_;
  std::string_view group_;
  std::unique_ptr<shm::GroupRow> unshared_;
  shm::GroupRow* row_ = nullptr;
  std::uint32_t index_ = 0;  // of the group in the table
  std::uint64_t second_ = 0;
  clock::Monotonic second_end_{};
  std::atomic<std::uint64_t>* request_word_ = nullptr;
  std::atomic<std::uint64_t>* retry_word_ = nullptr;
  std::uint64_t denied_ = 0;  // since the last line about it
  clock::Monotonic log_again_{};
};

}  // namespace weir
