#include "upstream/loads.h"

#include <algorithm>
#include <utility>

namespace weir {

void Loads::renew(const Roster& roster) {
  size_ = roster.size();
  own_.assign(size_, nullptr);
  others_.assign(size_, 0);
  cells_.assign(size_, 0);
  shared_.assign(size_, false);
  by_line_.clear();
  table_ = nullptr;
  workers_.clear();
  is_counted_ = false;
  for (std::size_t i = 0; i < size_; ++i) {
    const Peer& peer = *roster.peers[i];
    own_[i] = &peer.own_counter();
    const PeerPlace& place = peer.place();
    if (place.table == nullptr) continue;
    shared_[i] = true;
    table_ = place.table;
    slot_ = place.slot;
    cells_[i] = peer.cell_index();
    by_line_.push_back(static_cast<std::uint32_t>(i));
  }
  std::sort(by_line_.begin(), by_line_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return cells_[a] < cells_[b]; });
  lines_.clear();
  for (std::uint32_t at = 0; at < by_line_.size(); ++at) {
    const std::uint32_t cell = cells_[by_line_[at]];
    const bool same = !lines_.empty() &&
                      lines_.back().cell / shm::cells_per_change == cell / shm::cells_per_change;
    if (!same) lines_.push_back({cell, at, at});
    lines_.back().to = at + 1;
  }
  seen_.assign(lines_.size(), 0);  // what others may have in flight is always behind a first count
  next_line_ = 0;
}

void Loads::find_others() {
  workers_.clear();
  if (table_ == nullptr) return;
  table_->for_each_slot([&](std::uint32_t slot) {
    if (slot == slot_.index) return;
    workers_.push_back({&table_->in_flight(slot, 0), &table_->changes(slot, 0)});
  });
}

std::uint32_t Loads::sum_of_others(std::uint32_t cell) const {
  std::uint32_t sum = 0;
  for (const Other& other : workers_) {
    sum += other.in_flight[cell].load(std::memory_order_relaxed);
  }
  return sum;
}

// How much was read.
std::size_t Loads::look(std::size_t number, Touched& changed) {
  const Line& line = lines_[number];
  std::uint64_t counts = 0;
  for (const Other& other : workers_) {
    counts += other.changes[line.cell / shm::cells_per_change].load(std::memory_order_acquire);
  }
  if (std::exchange(seen_[number], counts) == counts) return workers_.size();
  for (std::uint32_t at = line.from; at < line.to; ++at) {
    const std::uint32_t index = by_line_[at];
    const std::uint32_t others = sum_of_others(cells_[index]);
    if (std::exchange(others_[index], others) != others) changed.mark(index);
  }
  return workers_.size() * (line.to - line.from + 1);
}

void Loads::refresh(Touched& changed) {
  find_others();
  std::size_t reads = 0;
  for (std::size_t count = 0; count < lines_.size() && reads < reads_most; ++count) {
    reads += look(next_line_, changed);
    next_line_ = next_line_ + 1 < lines_.size() ? next_line_ + 1 : 0;
  }
}

void Loads::correct(std::size_t index) {
  if (shared_[index]) others_[index] = sum_of_others(cells_[index]);
}

bool Loads::count(clock::Monotonic now, std::chrono::nanoseconds most_age) {
  if (is_counted_ && now - counted_ < std::max(most_age, age_least_)) return false;
  is_counted_ = true;
  counted_ = now;
  total_ = 0;
  find_others();
  for (std::size_t i = 0; i < size_; ++i) {
    correct(i);
    total_ += of(i);
  }
  age_least_ = static_cast<std::int64_t>(size_ * (workers_.size() + 1)) * per_read;
  return true;
}

}  // namespace weir
