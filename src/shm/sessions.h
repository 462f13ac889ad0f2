// Sessions: which peer a session of an origin's own belongs to (sticky = learn), as all workers
// have seen it. Kept over reloads and the death of any process but the master.
//
// A cell is one word, so whoever writes it does so with one compare-and-swap and can leave nothing
// half done: tag of the session | cell of the peer, 1 at least | a part of the peer's identity |
// time in units of 16 s. 0: empty. Four cells are a set; a session is in the set that its key says.
// Where a set is full the one that nobody asked for longest gives way. The key is a keyed hash of
// 64 bits; what of it the tag and the set don't hold may meet: once in 2^28 a session is sent to
// the peer of another, where it is unknown.
#pragma once

#include <atomic>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "shm/zone.h"

namespace weir::shm {

inline constexpr std::uint32_t sessions_default = 16'384, sessions_most = 1U << 24;

inline constexpr Kind sessions_kind{"sessions", 1, layout_hash({sizeof(std::uint64_t), 4, 28})};

class SessionTable {
 public:
  static constexpr std::uint32_t ways = 4;
  static constexpr std::chrono::seconds unit{16};

  // Who a session belongs to.
  struct Owner {
    std::uint32_t cell = 0;     // in the table of peers
    std::uint64_t peer_id = 0;  // of which some bits are kept: the cell may be another's by now
  };

  SessionTable() = default;
  static std::uint32_t capacity_for(std::uint32_t sessions) {
    return std::bit_ceil(sessions < ways ? ways : sessions);
  }
  static std::size_t body_bytes(std::uint32_t sessions) {
    return capacity_for(sessions) * sizeof(std::uint64_t);
  }
  static Result<SessionTable> open(const Zone& zone);  // trusts nothing

  std::uint32_t capacity() const { return capacity_; }

  // The owner's cell and the bits of its identity, unless nobody has asked for longer than `most`.
  struct Found {
    std::uint32_t cell;
    std::uint64_t id_bits;
    bool is(std::uint64_t peer_id) const { return id_bits == (peer_id & id_mask); }
  };
  std::optional<Found> find(std::uint64_t key, std::int64_t now_s, std::chrono::seconds most) const;
  void remember(std::uint64_t key, const Owner& owner, std::int64_t now_s) const;

  // For the checker: the peer's cell of an entry; nullopt: empty.
  std::optional<std::uint32_t> cell_of(std::uint32_t index) const;

 private:
  static constexpr unsigned tag_bits = 28, cell_bits = 15, id_bits = 5, time_bits = 16;
  static constexpr std::uint64_t id_mask = (1U << id_bits) - 1;
  static_assert(tag_bits + cell_bits + id_bits + time_bits == 64);

  std::atomic<std::uint64_t>* set_of(std::uint64_t key) const;

  std::atomic<std::uint64_t>* cells_ = nullptr;
  std::uint32_t capacity_ = 0;
};

}  // namespace weir::shm
