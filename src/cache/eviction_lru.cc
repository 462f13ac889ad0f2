// Least recently used, to within a generation: a 64th of the entries is stored in each, so an entry
// goes at most that much too early or too late. Readers write when they found an entry, which costs
// a hot one a write per generation; the queues follow at eviction.
#include <algorithm>

#include "cache/eviction.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t generations_per_turn = 64;
constexpr int moves_most = 256;  // per eviction: a bound on time that traffic does not reach

}  // namespace

// The generation of its last use, as far back as there are queues.
std::uint64_t Queues::generation_of(const Entry& entry) const {
  const std::uint64_t now = memory_.control->generation.load(std::memory_order_relaxed);
  const auto age = static_cast<std::uint16_t>(now - entry.used.load(std::memory_order_relaxed));
  const std::uint64_t oldest = memory_.derived().oldest;
  return age > now - oldest ? oldest : now - age;
}

void Queues::begin_generation() const {
  Derived& it = memory_.derived();
  const std::uint32_t entries = it.entries.load(std::memory_order_relaxed);
  if (++it.inserted < std::max(1U, entries / generations_per_turn)) return;
  it.inserted = 0;
  const std::uint64_t next = memory_.control->generation.load(std::memory_order_relaxed) + 1;
  if (next - it.oldest >= queues) {  // the two oldest become one: the older goes first
    const auto from = static_cast<std::uint32_t>(it.oldest % queues);
    const auto into = static_cast<std::uint32_t>((it.oldest + 1) % queues);
    Link old{}, young{};
    if (!get_link(head_of(from), old) || !get_link(head_of(into), young)) {
      return memory_.found_damage();
    }
    if (old.next != head_of(from)) {
      set_next(old.previous, young.next);
      set_previous(young.next, old.previous);
      set_next(head_of(into), old.next);
      set_previous(old.next, head_of(into));
      it.queue[from] = {head_of(from), head_of(from)};
    }
    ++it.oldest;
  }
  memory_.control->generation.store(next, std::memory_order_relaxed);
}

std::uint32_t Queues::choose_lru() const {
  Derived& it = memory_.derived();
  const std::uint64_t now = memory_.control->generation.load(std::memory_order_relaxed);
  if (it.oldest > now || now - it.oldest >= queues) {
    memory_.found_damage();
    return nothing;
  }
  for (int moves = 0;;) {
    const std::uint32_t number = oldest_of(static_cast<std::uint32_t>(it.oldest % queues));
    if (number == nothing) {
      if (it.oldest == now) return nothing;
      ++it.oldest;
      continue;
    }
    const std::uint64_t used = generation_of(index_.entry(number));
    if (used <= it.oldest || ++moves > moves_most || memory_.has_damage()) return number;
    unlink(number);
    push(static_cast<std::uint32_t>(used % queues), number);
  }
}

}  // namespace weir::cache
