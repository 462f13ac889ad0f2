#include "shm/sessions.h"

#include "shm/peers.h"
#include "shm/points.h"

namespace weir::shm {
namespace {

constexpr unsigned time_bits = 16, id_bits = 5, cell_bits = 15;
constexpr std::uint64_t mask(unsigned bits) { return (std::uint64_t{1} << bits) - 1; }
static_assert(peers_most < mask(cell_bits));

constexpr int attempts = 4;  // against others that write to the same set at this moment

std::uint64_t tag_of(std::uint64_t word) { return word >> (time_bits + id_bits + cell_bits); }
std::uint64_t time_of(std::uint64_t word) { return word & mask(time_bits); }
std::uint64_t units_of(std::int64_t now_s) {
  return static_cast<std::uint64_t>(now_s / SessionTable::unit.count()) & mask(time_bits);
}
std::uint64_t age_of(std::uint64_t word, std::int64_t now_s) {
  return (units_of(now_s) - time_of(word)) & mask(time_bits);
}

}  // namespace

Result<SessionTable> SessionTable::open(const Zone& zone) {
  const std::size_t cells = zone.body().size() / sizeof(std::uint64_t);
  if (cells < ways || cells > sessions_most || !std::has_single_bit(cells) ||
      zone.body().size() != cells * sizeof(std::uint64_t)) {
    return Error{Side::self, "zone of a wrong size"};
  }
  SessionTable table;
  table.cells_ = reinterpret_cast<std::atomic<std::uint64_t>*>(zone.body().data());
  table.capacity_ = static_cast<std::uint32_t>(cells);
  return table;
}

std::atomic<std::uint64_t>* SessionTable::set_of(std::uint64_t key) const {
  const std::uint64_t sets = capacity_ / ways;
  return cells_ + ((key >> 32) & (sets - 1)) * ways;
}

std::optional<SessionTable::Found> SessionTable::find(std::uint64_t key, std::int64_t now_s,
                                                      std::chrono::seconds most) const {
  std::atomic<std::uint64_t>* const set = set_of(key);
  for (std::uint32_t way = 0; way < ways; ++way) {
    std::uint64_t word = set[way].load(std::memory_order_relaxed);
    if (word == 0 || tag_of(word) != (key & mask(tag_bits))) continue;
    const std::uint64_t age = age_of(word, now_s);
    if (static_cast<std::int64_t>(age) * unit.count() > most.count()) return std::nullopt;
    const Found found{
        static_cast<std::uint32_t>(word >> (time_bits + id_bits) & mask(cell_bits)) - 1,
        word >> time_bits & id_mask};
    // Asked for now. Who changes it at the same time knows better.
    if (age != 0) {
      set[way].compare_exchange_strong(word, (word & ~mask(time_bits)) | units_of(now_s),
                                       std::memory_order_relaxed);
    }
    return found;
  }
  return std::nullopt;
}

void SessionTable::remember(std::uint64_t key, const Owner& owner, std::int64_t now_s) const {
  std::atomic<std::uint64_t>* const set = set_of(key);
  const std::uint64_t tag = key & mask(tag_bits);
  const std::uint64_t next = tag << (time_bits + id_bits + cell_bits) |
                             std::uint64_t{owner.cell + 1} << (time_bits + id_bits) |
                             (owner.peer_id & id_mask) << time_bits | units_of(now_s);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::uint32_t chosen = 0;
    std::uint64_t oldest = 0, seen = 0;
    for (std::uint32_t way = 0; way < ways; ++way) {
      const std::uint64_t word = set[way].load(std::memory_order_relaxed);
      // Its own cell before an empty one before the oldest.
      const bool own = word != 0 && tag_of(word) == tag;
      const std::uint64_t rank = own         ? mask(time_bits) + 2
                                 : word == 0 ? mask(time_bits) + 1
                                             : age_of(word, now_s);
      if (way != 0 && rank <= oldest) continue;
      chosen = way;
      oldest = rank;
      seen = word;
    }
    if (seen == next) return;
    SHM_POINT(session_chosen);
    if (set[chosen].compare_exchange_strong(seen, next, std::memory_order_relaxed)) {
      SHM_POINT(session_written);
      return;
    }
  }
}

std::optional<std::uint32_t> SessionTable::cell_of(std::uint32_t index) const {
  assert(index < capacity_);
  const std::uint64_t word = cells_[index].load(std::memory_order_relaxed);
  if (word == 0) return std::nullopt;
  return static_cast<std::uint32_t>(word >> (time_bits + id_bits) & mask(cell_bits)) - 1;
}

}  // namespace weir::shm
