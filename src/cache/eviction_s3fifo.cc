// S3-FIFO. The small queue has a tenth of the room; who was found twice there, or comes back while
// it is remembered, goes to the main queue, where each time that it was found, three at most, buys
// another round.
#include <algorithm>

#include "cache/eviction.h"

namespace weir::cache {
namespace {

constexpr std::uint16_t worth_keeping = 2;  // found so often in the small queue
constexpr int moves_most = 256;             // per eviction: a bound on time

std::uint32_t print_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 13) | 1;  // 0: nobody
}

}  // namespace

void Queues::enqueue(std::uint8_t queue, std::uint32_t number, std::uint32_t units) const {
  Derived& it = memory_.derived();
  index_.entry(number).queue = queue;
  it.queue_units[queue] += units;
  ++it.queue_entries[queue];
  push(queue, number);
}

void Queues::dequeue(std::uint32_t number) const {
  Derived& it = memory_.derived();
  const Entry& entry = index_.entry(number);
  const std::uint8_t queue = entry.queue & 1;
  if (it.queue_entries[queue] == 0 || it.queue_units[queue] < entry.units) {
    return memory_.found_damage();
  }
  it.queue_units[queue] -= entry.units;
  --it.queue_entries[queue];
  unlink(number);
}

std::uint32_t Queues::choose_s3fifo(Limit limit) const {
  const Derived& it = memory_.derived();
  const bool small_is_full =
      limit == Limit::memory
          ? it.queue_units[small] * 10 >= memory_.geometry.live_most
          : it.queue_entries[small] * std::uint64_t{10} >= memory_.geometry.entries_most;
  if (small_is_full || it.queue_entries[main] == 0) {
    if (const std::uint32_t number = choose_small(); number != nothing) return number;
  }
  const std::uint32_t number = choose_main();
  return number != nothing ? number : oldest_of(small);
}

std::uint32_t Queues::choose_small() const {
  for (int moves = 0; moves < moves_most && !memory_.has_damage(); ++moves) {
    const std::uint32_t number = oldest_of(small);
    if (number == nothing) return nothing;
    Entry& entry = index_.entry(number);
    if (entry.used.load(std::memory_order_relaxed) < worth_keeping) {
      remember(index_.tag(number).load(std::memory_order_relaxed));
      return number;
    }
    dequeue(number);
    entry.used.store(0, std::memory_order_relaxed);
    enqueue(main, number, entry.units);
  }
  return nothing;
}

std::uint32_t Queues::choose_main() const {
  for (int moves = 0; moves < moves_most && !memory_.has_damage(); ++moves) {
    const std::uint32_t number = oldest_of(main);
    if (number == nothing) return nothing;
    Entry& entry = index_.entry(number);
    const std::uint16_t used = entry.used.load(std::memory_order_relaxed);
    if (used == 0) return number;
    entry.used.store(static_cast<std::uint16_t>(std::min<std::uint16_t>(used, 3) - 1),
                     std::memory_order_relaxed);
    unlink(number);
    push(main, number);
  }
  return oldest_of(main);
}

// The memory of the evicted: sets of eight, in which the oldest gives way.
void Queues::remember(std::uint64_t hash) const {
  Ghosts& set = memory_.ghosts[(hash & 0xffff'ffff) * memory_.geometry.ghost_sets >> 32];
  const std::uint32_t now = ++memory_.derived().ghost_clock;
  std::uint32_t oldest = 0;
  for (std::uint32_t i = 0; i < 8; ++i) {
    if (set.print[i] == 0 || set.print[i] == print_of(hash)) {
      oldest = i;
      break;
    }
    if (now - set.when[i] > now - set.when[oldest]) oldest = i;
  }
  set.print[oldest] = print_of(hash);
  set.when[oldest] = now;
}

// As many are remembered as the main queue has places.
bool Queues::recall(std::uint64_t hash) const {
  Ghosts& set = memory_.ghosts[(hash & 0xffff'ffff) * memory_.geometry.ghost_sets >> 32];
  const Derived& it = memory_.derived();
  const std::uint32_t entries = it.entries.load(std::memory_order_relaxed);
  const std::uint32_t most = std::max(16U, entries - entries / 10);
  for (std::uint32_t i = 0; i < 8; ++i) {
    if (set.print[i] != print_of(hash)) continue;
    set.print[i] = 0;
    return it.ghost_clock - set.when[i] <= most;
  }
  return false;
}

}  // namespace weir::cache
