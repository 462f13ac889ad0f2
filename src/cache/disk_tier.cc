#include "cache/disk_tier.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace weir::cache {
namespace {

constexpr std::uint32_t todo_probes = 16, wanted_probes = 64;

}  // namespace

std::int64_t DiskTier::now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

bool DiskTier::has(std::uint64_t hash) const {
  if (memory_.disk == nullptr) return false;
  const DiskControl& it = *memory_.disk;
  const std::uint32_t number = index_.find(hash);
  if (number == nothing || index_.info(number).dead || it.open.load() == 0) return false;
  const std::uint64_t seq = index_.entry(number).seq.load(std::memory_order_relaxed);
  if (seq <= memory_.control->hard_floor.load() || seq <= it.floor.load()) return false;
  const std::int64_t since = it.since_ms.load(std::memory_order_relaxed);
  return since == 0 || now_ms() - since < stall_ms;
}

bool DiskTier::want(CellId id) const {
  DiskControl& it = *memory_.disk;
  for (std::uint32_t probe = 0; probe < wanted_probes; ++probe) {
    auto& place = it.wanted[(id.cell + probe) % disk_wanted_places];
    std::uint64_t empty = 0;
    if (!place.compare_exchange_strong(empty, wanted_word(id))) continue;
    std::int64_t idle = 0;
    it.since_ms.compare_exchange_strong(idle, now_ms());
    return true;
  }
  return false;
}

// Whatever the keeper is about to put under the hash is marked first: it looks for that after it
// has put it, so that either the entry here is the one it put or it sees the mark.
bool DiskTier::mark(std::uint64_t hash, std::uint64_t bit) const {
  DiskControl& it = *memory_.disk;
  if (it.writing_hash.load() == hash)
    it.writing_removed.fetch_or(bit == DiskInfo::dead_bit ? 1 : 2);
  const std::uint32_t number = index_.find(hash);
  if (number == nothing) return false;
  const std::uint64_t was = index_.entry(number).info.fetch_or(bit);
  return !DiskInfo::of(was).dead;
}

void DiskTier::look_at(std::uint64_t hash) const {
  DiskControl& it = *memory_.disk;
  const std::uint64_t first = it.todo_at.fetch_add(1);
  for (std::uint32_t probe = 0; probe < todo_probes; ++probe) {
    std::uint64_t empty = 0;
    auto& place = it.todo[(first + probe) % disk_todo_places];
    if (place.compare_exchange_strong(empty, hash) || empty == hash) return wake();
  }
  count(it.dropped);
  it.look_all.store(1);
}

void DiskTier::stored(std::uint64_t hash) const {
  if (memory_.disk == nullptr) return;
  mark(hash, DiskInfo::dead_bit);
  look_at(hash);
}

bool DiskTier::removed(std::uint64_t hash, bool soft) const {
  if (memory_.disk == nullptr) return false;
  const bool had = mark(hash, soft ? DiskInfo::soft_bit : DiskInfo::dead_bit);
  if (had || memory_.disk->writing_hash.load() == hash) look_at(hash);
  return had;
}

void DiskTier::purged_unlocked(std::uint64_t seq) const {
  if (memory_.disk == nullptr) return;
  std::atomic<std::uint64_t>& floor = memory_.disk->floor;
  std::uint64_t was = floor.load();
  while (was < seq && !floor.compare_exchange_weak(was, seq)) {
  }
}

void DiskTier::purged(bool is_prefix, std::string_view prefix, std::uint64_t tag, bool soft,
                      std::uint64_t seq) const {
  if (memory_.disk == nullptr) return;
  DiskControl& it = *memory_.disk;
  const std::uint64_t made = it.purges_made.load();
  if (made - it.purges_heard.load() >= disk_purges || prefix.size() > disk_purge_text) {
    return purged_unlocked(seq);
  }
  DiskPurge& place = it.purge[made % disk_purges];
  place.seq = seq;
  place.tag = tag;
  place.is_prefix = is_prefix ? 1 : 0;
  place.soft = soft ? 1 : 0;
  place.bytes = static_cast<std::uint32_t>(prefix.size());
  if (!prefix.empty()) std::memcpy(place.text, prefix.data(), prefix.size());
  it.purges_made.store(made + 1);
}

void DiskTier::wake() const {
  if (memory_.disk == nullptr || memory_.disk->asleep.exchange(0) == 0) return;
  const std::uint32_t slot = memory_.disk->keeper.load();
  if (slot >= shm::slot_count) return;
  const std::uint64_t one = 1;
  // EAGAIN: it has been woken often enough.
  [[maybe_unused]] const auto written = ::write(wakes_[slot].get(), &one, sizeof one);
}

}  // namespace weir::cache
