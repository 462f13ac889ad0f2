// Zones: all shared memory of an instance, and what touches more than one zone of it.
//
// Made by the master before the first fork and kept for its whole life, over reloads; a child
// inherits the mappings and the wake descriptors. The order in which a process's belongings are
// given and taken back is here and nowhere else: claim() (master), mark_dead() (master, after it
// reaped), clean_dead() (housekeeper).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/siphash.h"
#include "os/fd.h"
#include "shm/counters.h"
#include "shm/peers.h"
#include "shm/ring.h"
#include "shm/sessions.h"
#include "shm/slots.h"
#include "shm/ticket_keys.h"
#include "shm/zone.h"

namespace weir::shm {

struct Sizes {
  std::uint32_t ring_bytes = ring_bytes_default;
  std::uint32_t peers = peers_default;
  std::uint32_t sessions = sessions_default;
};

// What processes own outside these zones.
class Belongings {
 public:
  virtual void take_back(SlotId dead) = 0;  // of a process that was reaped; may be called again

 protected:
  ~Belongings() = default;
};

// The zones in the order of their descriptors (control socket, /proc/PID/fd, tests).
inline constexpr std::array<const Kind*, 6> zone_kinds = {
    &slots_kind, &stats_kind, &rings_kind, &tickets_kind, &peers_kind, &sessions_kind};
inline constexpr std::size_t zone_count = zone_kinds.size();

class Zones {
 public:
  // Fails when memory lacks; the log then says how many bytes were needed.
  static Result<std::unique_ptr<Zones>> create(const Sizes& sizes);
  // Read-only, for a checker: the descriptors of a running instance, in the order of zone_kinds.
  static Result<std::unique_ptr<const Zones>> attach(std::array<Fd, zone_count> fds);

  Zones& operator=(Zones&&) = delete;

  // Master, before fork: a slot with an empty counter row and a log ring that is backed by memory.
  Result<SlotId> claim(Role role, std::uint64_t generation, std::int64_t now_ns);
  // Master, after it reaped the process, or when the fork failed. Wakes the housekeeper.
  void mark_dead(SlotId id);
  // Housekeeper: takes back what dead processes owned and frees their slots. How many it freed.
  // Safe to be killed anywhere: the next call finishes the work.
  unsigned clean_dead(Belongings* others = nullptr);

  RingWriter log_writer(SlotId id) const { return RingWriter(rings.ring(id.index)); }
  void wake_logger() const;       // one write to an eventfd; never blocks
  void wake_housekeeper() const;  // the same
  int logger_wake_fd() const { return logger_wake_.get(); }
  int housekeeper_wake_fd() const { return housekeeper_wake_.get(); }

  // Log lines that never came to a file, since the instance began: refused by a full ring, lost by
  // a failing write; and how often a damaged ring had to be skipped.
  struct LogLosses {
    std::uint64_t dropped = 0, lost = 0, damaged = 0;
  };
  LogLosses log_losses() const;

  std::array<int, zone_count> fds() const;
  std::array<const Zone*, zone_count> all() const;

  SlotTable slots;
  StatsTable stats;
  RingTable rings;
  TicketKeys tickets;
  PeerTable peers;
  SessionTable sessions;

  // The same in all processes, over reloads, and known to nobody else: for keyed hashes.
  SipKey secret() const;

 private:
  Zones() = default;
  void make_views();

  Zone slots_zone_, stats_zone_, rings_zone_, tickets_zone_, peers_zone_, sessions_zone_;
  Fd logger_wake_, housekeeper_wake_;
};

}  // namespace weir::shm
