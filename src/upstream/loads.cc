#include "upstream/loads.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

const std::atomic<std::uint32_t> nothing{0};

}  // namespace

void Loads::renew(const Roster& roster) {
  size_ = roster.size();
  const std::size_t padded = (size_ + block - 1) / block * block;
  own_.assign(padded, &nothing);
  others_.assign(padded, 1);  // behind the last peer: never the least of anything
  cells_.assign(size_, 0);
  shared_.assign(size_, 0);
  std::fill_n(others_.begin(), size_, 0);
  table_ = nullptr;
  fresh_ = false;
  part_ = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const Peer& peer = *roster.peers[i];
    own_[i] = &peer.own_counter();
    const PeerPlace& place = peer.place();
    if (place.table == nullptr) continue;
    shared_[i] = 1;
    table_ = place.table;
    slot_ = place.slot;
    cells_[i] = peer.cell_index();
  }
}

void Loads::add_up(clock::Monotonic now) {
  refreshed_ = now;
  fresh_ = true;
  slots_ = 1;
  if (table_ != nullptr) {
    table_->for_each_slot([&](std::uint32_t slot) { slots_ += slot != slot_.index ? 1 : 0; });
  }
  add_up(0, size_);
  const auto reads = static_cast<std::int64_t>(size_ * slots_);
  const auto usual = std::min<std::chrono::nanoseconds>(reads * per_read, refreshed_after);
  interval_ = std::max<std::chrono::nanoseconds>(usual, reads * per_read_least);
  total_ = 0;
  for (std::size_t i = 0; i < size_; ++i) total_ += of(i);
}

void Loads::add_up(std::size_t from, std::size_t to) {
  if (table_ == nullptr) return;  // nobody shares anything
  std::fill(others_.data() + from, others_.data() + to, 0);
  table_->for_each_slot([&](std::uint32_t slot) {
    if (slot == slot_.index) return;
    const std::atomic<std::uint32_t>* const theirs = &table_->in_flight(slot, 0);
    for (std::size_t i = from; i < to; ++i) {
      others_[i] += theirs[cells_[i]].load(std::memory_order_relaxed) * shared_[i];
    }
  });
}

void Loads::refresh_part() {
  if (slots_ == 1) return;  // this worker is alone
  const std::size_t to = std::min(part_ + reads_of_part / slots_ + 1, size_);
  add_up(part_, to);
  part_ = to < size_ ? to : 0;
}

bool Loads::correct(std::size_t index) {
  if (!shared_[index]) return false;
  std::uint32_t others = 0;
  table_->for_each_slot([&](std::uint32_t slot) {
    if (slot == slot_.index) return;
    others += table_->in_flight(slot, cells_[index]).load(std::memory_order_relaxed);
  });
  return others > std::exchange(others_[index], others);
}

}  // namespace weir
