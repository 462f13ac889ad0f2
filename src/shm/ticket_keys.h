// Keys for TLS session tickets, shared by all workers and rotated by the master.
//
// Three records: the first encrypts, all three decrypt while they are valid. Only the master can
// write them: what children inherit is mapped read-only for good. Reading takes no lock; a master
// that dies while rotating leaves the old set whole. Times are seconds of the monotonic clock, so a
// step of the wall clock neither expires nor prolongs a key.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "shm/snapshot.h"
#include "shm/zone.h"

namespace weir::shm {

struct TicketKey {
  std::array<std::uint8_t, 16> name;
  std::array<std::uint8_t, 32> aes;
  std::array<std::uint8_t, 32> mac;
  std::int64_t not_before, not_after;
};
static_assert(sizeof(TicketKey) == 96 && std::is_trivially_copyable_v<TicketKey>);

inline constexpr std::int64_t ticket_rotation_seconds = 8 * 3600;

// A private copy of the keys; wiped when it goes out of scope.
struct TicketKeySet {
  static constexpr std::size_t size = 3;
  std::array<TicketKey, size> key{};

  TicketKeySet() = default;
  ~TicketKeySet();
  TicketKeySet(const TicketKeySet&) = default;
  TicketKeySet& operator=(const TicketKeySet&) = default;

  // The key for new tickets; nullptr before the first rotation.
  const TicketKey* current() const;
  // The key that made a ticket; nullptr when it is unknown or expired. `current()` or an older one:
  // a ticket of an older one should be renewed.
  const TicketKey* find(std::span<const std::uint8_t, 16> name, std::int64_t now) const;
};

inline constexpr std::size_t ticket_words = TicketKeySet::size * sizeof(TicketKey) / 8;
struct TicketsBody {
  Snapshot<ticket_words> keys;
};
inline constexpr Kind tickets_kind{
    "tickets", 1, layout_hash({TicketKeySet::size, sizeof(TicketKey), sizeof(TicketsBody)})};

class TicketKeys {
 public:
  TicketKeys() = default;
  // `owned` is nullptr in every process but the master.
  TicketKeys(const TicketsBody* shared, TicketsBody* owned) : shared_(shared), owned_(owned) {}

  // Master: makes a new first key when there is none or the first is `ticket_rotation_seconds` old;
  // true when it did. The two before it keep decrypting until they expire.
  Result<bool> rotate(std::int64_t now);

  // Any process. False: the master rotates faster than one can read, which it does not.
  [[nodiscard]] bool read(TicketKeySet& out) const;

 private:
  const TicketsBody* shared_ = nullptr;
  TicketsBody* owned_ = nullptr;
};

}  // namespace weir::shm
