#include "upstream/retry_budget.h"

#include "base/log.h"

namespace weir {
namespace {

// shm::SecondCount
constexpr unsigned count_bits = 40;
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
constexpr std::uint64_t second_mask = (std::uint64_t{1} << (64 - count_bits)) - 1;

}  // namespace

RetryBudget::RetryBudget(const shm::PeerTable* table, shm::SlotId slot, std::string_view group)
    : table_(table), group_(group) {
  if (table_ != nullptr) {
    if (const auto index = table_->claim_group(group)) {
      index_ = *index;
      row_ = &table_->group_row(slot.index, index_);
      return;
    }
    log::error("upstream {}: no room to share its retry budget: upstream_peers_max is {}", group_,
               table_->capacity());
    table_ = nullptr;
  }
  unshared_ = std::make_unique<shm::GroupRow>();
  row_ = unshared_.get();
}

RetryBudget::~RetryBudget() = default;

// Who had the slot before may have counted in this very second.
void RetryBudget::begin_second(clock::Monotonic now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  second_ = static_cast<std::uint64_t>(second.time_since_epoch().count());
  second_end_ = second + std::chrono::seconds(1);
  const std::size_t at = second_ % shm::budget_seconds;
  request_word_ = &row_->requests[at].word;
  retry_word_ = &row_->retries[at].word;
  const std::uint64_t tag = second_ & second_mask;
  for (auto* word : {request_word_, retry_word_}) {
    if (word->load(std::memory_order_relaxed) >> count_bits == tag) continue;
    word->store(tag << count_bits, std::memory_order_relaxed);
  }
}

void RetryBudget::add(const shm::GroupRow& row, Sums& to) const {
  for (std::size_t i = 0; i < shm::budget_seconds; ++i) {
    const auto age = [&](std::uint64_t word) {
      return (second_ - (word >> count_bits)) & second_mask;
    };
    const std::uint64_t requests = row.requests[i].word.load(std::memory_order_relaxed);
    if (age(requests) < shm::budget_seconds) to.requests += requests & count_mask;
    const std::uint64_t retries = row.retries[i].word.load(std::memory_order_seq_cst);
    if (age(retries) < shm::budget_seconds) to.retries += retries & count_mask;
    if (age(retries) == 0) to.retries_now += retries & count_mask;
  }
}

RetryBudget::Sums RetryBudget::sums() const {
  Sums out;
  if (table_ == nullptr) {
    add(*row_, out);
  } else {
    table_->for_each_slot([&](std::uint32_t slot) { add(table_->group_row(slot, index_), out); });
  }
  return out;
}

// Each worker counts itself before it looks: of two that meet at the limit both may turn away, and
// never both pass.
bool RetryBudget::take(std::uint32_t percent, clock::Monotonic now) {
  if (now >= second_end_) begin_second(now);
  const std::uint64_t before = retry_word_->load(std::memory_order_relaxed);
  retry_word_->store(before + 1, std::memory_order_seq_cst);
  const Sums all = sums();
  if (all.retries_now <= always_per_second || all.retries * 100 <= percent * all.requests) {
    row_->retried.add();
    return true;
  }
  retry_word_->store(before, std::memory_order_relaxed);
  denied(percent, now);
  return false;
}

void RetryBudget::denied(std::uint32_t percent, clock::Monotonic now) {
  ++denied_;
  if (now < log_again_) return;
  log::warn(
      "upstream {}: the retry budget, {}% of the requests of the last 10 s, is used up: {} "
      "not tried again",
      group_, percent, denied_);
  log_again_ = now + log_every;
  denied_ = 0;
}

}  // namespace weir
