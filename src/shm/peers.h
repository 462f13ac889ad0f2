// Peers: what is known of each peer of each upstream, one truth for all workers. It survives
// reloads and the death of every process but the master.
//
// A peer has a cell, found by its identity (group, address); whoever needs one that is not there
// claims a free one with one compare-and-swap. After that a cell is written by the working
// housekeeper alone (health, ejection, what an operator or a discovery said); workers read it, and
// add to `failures` what they ran into. Each change that concerns the choice of a peer is followed
// by bump(): a worker that sees another epoch looks at the cells again, and only then.
//
// What a worker has with a peer stands in the row of its slot, written by it alone: requests in
// flight, counts, latencies. The housekeeper wipes what was in flight when the worker has died; so
// the sum over all rows is true, and nothing can leak. Counts are cumulative over the owners of a
// slot.
//
// A cell is free again when it is no discovered peer any more and no worker is attached to it. Who
// attaches says so first and then looks whether the cell is still the peer's; who frees takes the
// identity away first and then looks whether anyone is attached. One of the two sees the other.
//
// Beside what it has in flight a worker counts how often that changed, for each 16 peers (what lies
// in one line of memory): who wants to know of all peers looks again only where something did.
//
//   body:  head | peer cells | group cells
//          | slot 0: in flight, changes, group rows, peer rows | slot 1 ...
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/latency_scale.h"
#include "shm/counters.h"
#include "shm/slots.h"
#include "shm/snapshot.h"
#include "shm/zone.h"

namespace weir::shm {

inline constexpr std::uint32_t peers_default = 1024, peers_most = 16'384;

// The identity of a cell while it is being given back: nobody finds or claims it then.
inline constexpr std::uint64_t leaving_id = 1;

enum class Health : std::uint8_t { not_initiated, healthy, unreachable };
// What an operator said. drained: no new clients; disabled: nothing; removed: no peer any more.
enum class Order : std::uint8_t { none, drained, disabled, removed };
// What the peer's own agent said of its administrative state.
enum class Said : std::uint8_t { ready, drain, maintenance };
std::string_view name(Health health);  // "NOT_INITIATED"
std::string_view name(Order order);    // "drained"; empty: none

// The one word of a cell by which peers are chosen. Zero is what a new cell has.
struct PeerWord {
  Health health = Health::not_initiated;
  // Known: it was healthy, or a probe has failed. A peer that has passed some of the probes it
  // takes to be healthy, and failed none, is no worse than one that nobody has looked at yet.
  bool probed = false;
  Order order = Order::none;
  bool discovered = false;   // a member of its group by discovery or command, not by the file
  bool backup = false;       // of a discovered peer
  Said said = Said::ready;   // by its agent
  bool said_down = false;    // the same
  std::uint16_t weight = 0;  // 0: as configured
  std::uint8_t share = 0;    // of the weight, by its agent: percent + 1; 0: all of it
  std::uint8_t line = 0;     // which `discover` line of its group found it, from 1; 0: none

  std::uint64_t pack() const {
    return static_cast<std::uint64_t>(health) | static_cast<std::uint64_t>(probed) << 8 |
           static_cast<std::uint64_t>(order) << 16 | static_cast<std::uint64_t>(discovered) << 24 |
           static_cast<std::uint64_t>(backup) << 25 | static_cast<std::uint64_t>(said) << 26 |
           static_cast<std::uint64_t>(said_down) << 28 | static_cast<std::uint64_t>(weight) << 32 |
           static_cast<std::uint64_t>(line) << 48 | static_cast<std::uint64_t>(share) << 56;
  }
  static PeerWord unpack(std::uint64_t word) {
    return {static_cast<Health>(word & 0xff),
            (word >> 8 & 1) != 0,
            static_cast<Order>(word >> 16 & 0xff),
            (word >> 24 & 1) != 0,
            (word >> 25 & 1) != 0,
            static_cast<Said>(word >> 26 & 3),
            (word >> 28 & 1) != 0,
            static_cast<std::uint16_t>(word >> 32),
            static_cast<std::uint8_t>(word >> 56),
            static_cast<std::uint8_t>(word >> 48)};
  }
  bool operator==(const PeerWord&) const = default;
};

// In PeerWord::line: found by a line of an earlier configuration. Whose workers have the peer keep
// it; nobody takes it up any more.
inline constexpr std::uint8_t former_line = 255;

// What an operator ordered while weir ran, as the housekeeper that obeyed noted it for one that may
// have to take its place. Of one generation: a reload makes it void, but for what is kept in a
// file.
struct PeerOrders {
  std::uint32_t generation = 0;  // its low bits; 0: nothing was ordered
  std::uint16_t weight = 0;      // 0: none was
  Order order = Order::none;
  bool added = false;   // a member by command
  bool backup = false;  // of an added one

  std::uint64_t pack() const {
    return static_cast<std::uint64_t>(generation) | static_cast<std::uint64_t>(weight) << 32 |
           static_cast<std::uint64_t>(order) << 48 | static_cast<std::uint64_t>(added) << 56 |
           static_cast<std::uint64_t>(backup) << 57;
  }
  static PeerOrders unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word), static_cast<std::uint16_t>(word >> 32),
            static_cast<Order>(word >> 48 & 0xff), (word >> 56 & 1) != 0, (word >> 57 & 1) != 0};
  }
  bool operator==(const PeerOrders&) const = default;
};

// What a peer said of its load, 0 to 1 in 1/65535; a peer that said nothing has at 0.
struct PeerLoad {
  std::uint16_t cpu = 0, memory = 0;
  bool operator==(const PeerLoad&) const = default;
};

inline constexpr std::size_t peer_error_words = 12, peer_text_words = 48, group_text_words = 16;

// Times are monotonic nanoseconds, 0: never.
struct alignas(64) PeerCell {
  std::atomic<std::uint64_t> id;     // 0: free
  std::atomic<std::uint64_t> group;  // identity of the group; 0: not yet
  std::atomic<std::uint64_t> word;   // PeerWord
  std::atomic<std::int64_t> ejected_until_ns;
  std::atomic<std::int64_t> slow_start_ns;  // when it came back: its weight grows from then
  std::atomic<std::int64_t> load_ns;        // when it last told its load
  std::atomic<std::uint64_t> load;          // PeerLoad: cpu, memory << 16
  std::atomic<std::int64_t> claimed_ns;

  alignas(64) std::atomic<std::int64_t> since_ns;  // of the health's present state
  std::atomic<std::int64_t> healthy_ns;            // the last sign of health
  std::atomic<std::int64_t> probed_ns;             // the end of the last probe
  std::atomic<std::uint64_t> probe_us;             // how long it took
  std::atomic<std::uint64_t> probes, probe_failures, ejections;
  std::atomic<std::uint64_t> failed_in_a_row;  // probes

  alignas(64) std::atomic<std::uint64_t> failures;  // passive, added by workers
  std::atomic<std::uint64_t> failure;               // by workers: what the last one was
  std::atomic<std::uint64_t> failures_counted;      // by the housekeeper: up to here
  std::atomic<std::uint64_t> passed_in_a_row;       // probes
  std::atomic<std::uint64_t> max_conns;             // by its agent; 0: as configured
  std::atomic<std::uint64_t> orders;                // PeerOrders
  std::atomic<std::uint64_t> reserved[2];

  Snapshot<peer_error_words> error;  // the last one in words
  Snapshot<peer_text_words> text;    // group, address, host: each ended by a NUL; of the claimer
};

struct alignas(64) GroupCell {
  std::atomic<std::uint64_t> id;  // 0: free
  Snapshot<group_text_words> name;
};

// One second's worth of a group's requests in one worker.
struct SecondCount {
  std::atomic<std::uint64_t> word;  // second:24 count:40
};
inline constexpr std::size_t budget_seconds = 11;

struct alignas(64) GroupRow {
  SecondCount requests[budget_seconds];
  SecondCount retries[budget_seconds];
  Count queued;  // now
  Count retried;
};

struct alignas(64) PeerRow {
  std::atomic<std::uint64_t> attached;  // the cell's id while a worker uses it
  Count requests;                       // attempts begun
  Count failures;                       // that ended without a whole answer
  Count answers_5xx;
  Count latency_us;  // sum, of those that had an answer's head
  Count ewma_us;     // this worker's peak EWMA; a gauge
  Count ewma_ns;     // when it was last brought up to date, monotonic
  Count reserved;
  std::atomic<std::uint32_t> latency[LatencyScale::buckets];
};
static_assert(Shared<PeerCell> && Shared<GroupCell> && Shared<PeerRow> && Shared<GroupRow>);
static_assert(sizeof(PeerRow) == 320 && sizeof(GroupRow) == 192);

struct alignas(64) PeersHead {
  std::uint32_t capacity;
  std::uint32_t reserved0;
  // A bit for each slot that has been a worker's: only their rows are backed by memory.
  std::atomic<std::uint64_t> slots_used[slot_count / 64];
  alignas(64) std::atomic<std::uint64_t> epoch;
  alignas(64) std::atomic<std::int64_t> beat_ns;  // the health of all was looked after until then
};

inline constexpr std::uint32_t cells_per_change = 16;

inline constexpr Kind peers_kind{
    "peers", 1,
    layout_hash({sizeof(PeersHead), sizeof(PeerCell), offsetof(PeerCell, since_ns),
                 offsetof(PeerCell, failures), offsetof(PeerCell, error), offsetof(PeerCell, text),
                 sizeof(GroupCell), sizeof(GroupRow), sizeof(PeerRow), slot_count,
                 cells_per_change})};

// Who a peer is. Views; cut to what a cell has room for (see text()).
struct PeerName {
  std::string_view group, address, host;
  std::uint64_t id() const;  // never 0
};
std::uint64_t group_id(std::string_view name);  // never 0

// A reading of one cell.
struct PeerInfo {
  std::uint32_t cell = 0;
  std::uint64_t id = 0;
  PeerWord word{};
  std::int64_t ejected_until_ns = 0, slow_start_ns = 0, load_ns = 0;
  std::int64_t since_ns = 0, healthy_ns = 0, probed_ns = 0;
  std::uint64_t probe_us = 0, probes = 0, probe_failures = 0, ejections = 0, failed_in_a_row = 0;
  std::uint64_t failures = 0;
  PeerLoad load{};
  std::string group, address, host, error;
};

// Sums over all rows of a peer.
struct PeerTotals {
  std::uint64_t in_flight = 0, requests = 0, failures = 0, answers_5xx = 0, latency_us = 0;
  std::uint64_t latency[LatencyScale::buckets] = {};
};

// What went wrong last, for who looks at it; cut to the room there is.
void set_text(Snapshot<peer_error_words>& to, std::string_view text);

class PeerTable {
 public:
  PeerTable() = default;

  static std::size_t body_bytes(std::uint32_t capacity);
  static std::size_t shared_bytes(std::uint32_t capacity);  // head and cells: backed at once
  static std::size_t region_bytes(std::uint32_t capacity);  // of a slot: backed with its worker
  static PeerTable format(const Zone& zone, std::uint32_t capacity);
  static Result<PeerTable> open(const Zone& zone);  // trusts nothing

  std::uint32_t capacity() const { return capacity_; }

  // Any process. The cell of a peer, claimed when there is none; nullopt: all are taken.
  std::optional<std::uint32_t> find(std::uint64_t id) const;
  std::optional<std::uint32_t> claim(const PeerName& name, std::int64_t now_ns) const;
  std::optional<std::uint32_t> claim_group(std::string_view name) const;

  PeerCell& cell(std::uint32_t index) const { return cells_[check(index)]; }
  GroupCell& group(std::uint32_t index) const { return groups_[check(index)]; }
  PeerInfo info(std::uint32_t index) const;
  std::string group_name(std::uint32_t index) const;

  std::uint64_t epoch() const { return head_->epoch.load(std::memory_order_acquire); }
  void bump() const { head_->epoch.fetch_add(1, std::memory_order_release); }
  std::int64_t beat_ns() const { return head_->beat_ns.load(std::memory_order_relaxed); }
  void beat(std::int64_t now_ns) const { head_->beat_ns.store(now_ns, std::memory_order_relaxed); }

  // A worker's own row. attach() is false when the cell is another peer's by now.
  bool attach(SlotId slot, std::uint32_t index, std::uint64_t id) const;
  void detach(SlotId slot, std::uint32_t index) const;
  std::atomic<std::uint32_t>& in_flight(std::uint32_t slot, std::uint32_t index) const {
    return in_flight_of(slot)[check(index)];
  }
  // Written by the worker of the slot, with release, after what it has in flight at one of the
  // cells of that number.
  std::atomic<std::uint32_t>& changes(std::uint32_t slot, std::uint32_t index) const {
    return changes_of(slot)[check(index) / cells_per_change];
  }
  PeerRow& row(std::uint32_t slot, std::uint32_t index) const {
    return rows_of(slot)[check(index)];
  }
  GroupRow& group_row(std::uint32_t slot, std::uint32_t index) const {
    return group_rows_of(slot)[check(index)];
  }

  // Over all workers.
  bool slot_is_used(std::uint32_t slot) const {
    return (head_->slots_used[slot / 64].load(std::memory_order_acquire) >> (slot % 64) & 1) != 0;
  }
  template <class Visit>
  void for_each_slot(Visit visit) const {  // that was ever a worker's
    for (std::uint32_t word = 0; word < slot_count / 64; ++word) {
      std::uint64_t bits = head_->slots_used[word].load(std::memory_order_acquire);
      for (; bits != 0; bits &= bits - 1) {
        visit(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
      }
    }
  }
  std::uint64_t in_flight_of_all(std::uint32_t index) const;
  PeerTotals totals(std::uint32_t index) const;

  // Master, before a worker's fork: memory behind the slot's rows, nothing in flight.
  Result<Ok> begin(const Zone& zone, SlotId slot) const;
  // Housekeeper, after a worker's death; may be cut short anywhere and called again.
  void wipe(std::uint32_t slot) const;
  // Housekeeper: gives the cell back when nobody is attached; the counts of all rows with it.
  bool free(std::uint32_t index) const;

 private:
  PeerTable(const Zone& zone, std::uint32_t capacity);  // the zone has just that size
  std::uint32_t check(std::uint32_t index) const {
    assert(index < capacity_);
    return index;
  }
  std::byte* region(std::uint32_t slot) const {
    assert(slot < slot_count);
    return regions_ + slot * region_bytes_;
  }
  std::atomic<std::uint32_t>* in_flight_of(std::uint32_t slot) const {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(region(slot));
  }
  std::atomic<std::uint32_t>* changes_of(std::uint32_t slot) const;
  GroupRow* group_rows_of(std::uint32_t slot) const;
  PeerRow* rows_of(std::uint32_t slot) const;
  bool is_attached(std::uint32_t index) const;

  PeersHead* head_ = nullptr;
  PeerCell* cells_ = nullptr;
  GroupCell* groups_ = nullptr;
  std::byte* regions_ = nullptr;
  std::size_t region_bytes_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace weir::shm
