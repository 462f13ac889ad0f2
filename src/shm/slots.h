// Slots: the table of the processes of an instance; a process is known as (slot, incarnation).
//
//   free -> starting -> ready -> draining
//     ^        |          |         |
//     |        +----------+---------+--> dead (reaped)
//     +------------------------------------'  cleaned by the housekeeper
//
// State, role and incarnation are one word, so every transition is one compare-and-swap that a
// process of another incarnation can't win. The master claims a slot before fork and marks it dead
// after it reaped the process; the owner says ready and draining; the housekeeper frees it once all
// that the process owned elsewhere (its counters) is cleaned. Everything else in a slot is written
// by its owner alone. A slot holds no reference to anything and nothing refers to it by pid.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "shm/snapshot.h"
#include "shm/zone.h"

namespace weir::shm {

inline constexpr std::uint32_t slot_count = 256;

enum class SlotState : std::uint8_t { free, starting, ready, draining, dead };
enum class Role : std::uint8_t { none, worker, housekeeper, logger, cache_keeper, compressor };
std::string_view name(SlotState state);
std::string_view name(Role role);
constexpr bool is_live(SlotState state) {
  return state == SlotState::starting || state == SlotState::ready || state == SlotState::draining;
}
bool may_enter(SlotState from, SlotState to);

struct SlotId {
  std::uint32_t index = 0;
  std::uint32_t incarnation = 0;  // 0: nobody
  bool operator==(const SlotId&) const = default;
};

// What a process was doing: named in the log when it dies. Views are cut to the bounds below.
struct Breadcrumb {
  static constexpr std::size_t method_max = 16, host_max = 56, path_max = 112, peer_max = 40,
                               phase_max = 16;
  std::string_view method{}, host{}, path{}, peer{}, phase{};
};

// One byte per length in the first word, then the parts, each from a word of its own.
inline constexpr std::size_t breadcrumb_words = 1 + (16 + 56 + 112 + 40 + 16) / 8;

// One process. Lines are per writer: first the master's, then the owner's.
struct alignas(64) Slot {
  std::atomic<std::uint64_t> word;  // state:8 role:8 unused:16 incarnation:32
  std::atomic<std::uint64_t> generation;
  std::atomic<std::int64_t> claimed_ns;
  std::atomic<std::int32_t> pid;
  std::uint32_t reserved0;
  std::uint64_t reserved1[4];

  alignas(64) std::atomic<std::int64_t> heartbeat_ns;  // monotonic; each turn and each 100 ms
  std::atomic<std::uint64_t> loop_seq;                 // turns of the loop
  std::atomic<std::int64_t> ready_ns;
  std::uint64_t reserved2[5];

  alignas(64) Snapshot<breadcrumb_words> breadcrumb;
};
static_assert(Shared<Slot> && offsetof(Slot, heartbeat_ns) == 64 &&
              offsetof(Slot, breadcrumb) == 128 && sizeof(Slot) == 640);

struct SlotsBody {
  Slot slot[slot_count];
};
inline constexpr Kind slots_kind{
    "slots", 1,
    layout_hash({slot_count, sizeof(Slot), offsetof(Slot, generation), offsetof(Slot, pid),
                 offsetof(Slot, heartbeat_ns), offsetof(Slot, breadcrumb), breadcrumb_words})};

// A reading of one slot. Times are monotonic nanoseconds, 0: not yet.
struct SlotInfo {
  SlotId id;
  SlotState state = SlotState::free;
  Role role = Role::none;
  pid_t pid = 0;
  std::uint64_t generation = 0;
  std::int64_t claimed_ns = 0, ready_ns = 0, heartbeat_ns = 0;
  std::uint64_t loop_seq = 0;
};

class SlotTable {
 public:
  SlotTable() = default;
  explicit SlotTable(SlotsBody* body) : body_(body) {}

  // Master. The lowest free slot, so that few slots are ever used; nullopt when none is free.
  std::optional<std::uint32_t> find_free() const;
  SlotId claim(std::uint32_t index, Role role, std::uint64_t generation, std::int64_t now_ns);
  void set_pid(SlotId id, pid_t pid);

  // True when the slot was this incarnation's and may go there; nothing changes otherwise.
  bool enter(SlotId id, SlotState next);

  SlotInfo info(std::uint32_t index) const;
  bool is_current(SlotId id) const;  // this incarnation still has the slot (in whatever state)

  // What the owner did last, as one line ("GET example.com /path, peer 10.0.0.1:80, connecting"),
  // empty when it was idle. Whole at any time, also when the owner was killed while writing it.
  // Control bytes come out as they went in: the log escapes them.
  std::string breadcrumb(std::uint32_t index) const;

  // What a checker must see of a breadcrumb: false when its lengths are impossible.
  bool breadcrumb_is_sound(std::uint32_t index) const;

  Slot& slot(std::uint32_t index) {
    assert(index < slot_count);
    return body_->slot[index];
  }

 private:
  const Slot& slot(std::uint32_t index) const {
    assert(index < slot_count);
    return body_->slot[index];
  }
  SlotsBody* body_ = nullptr;
};

// The owner's side: what a process writes about itself. No system call, no lock, no allocation.
class SlotOwner {
 public:
  SlotOwner(SlotTable& table, SlotId id) : table_(table), slot_(table.slot(id.index)), id_(id) {}

  SlotId id() const { return id_; }
  void beat(std::int64_t now_ns);  // once per turn of the loop
  bool ready(std::int64_t now_ns);
  bool draining();
  void leave(const Breadcrumb& crumb);  // before a callback works on an exchange
  void idle();                          // nothing of a request is being worked on

 private:
  SlotTable& table_;
  Slot& slot_;
  SlotId id_;
};

}  // namespace weir::shm
