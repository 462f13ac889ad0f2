// Counters: what the processes count, one row per slot, added up by whoever asks.
//
// A row is written by the owner of its slot alone, with plain relaxed stores; there is no shared
// counter on the hot path. When a process has died the housekeeper adds its counters to the retired
// totals: totals and the list "which incarnation of each slot is contained" are one Snapshot, so
// one store of its version moves a row from "live" to "retired". Killed before that store, nothing
// has happened; killed after it, the row is known to be contained. Nothing is counted twice or
// lost. Gauges (what is open now) die with the process.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shm/slots.h"
#include "shm/snapshot.h"
#include "shm/zone.h"

// name, kind, what it counts. A row here is a member of CounterRow, a member of the status document
// and a metric.
#define WEIR_COUNTERS(X)                                                                     \
  X(connections_accepted, counter, "Client connections accepted.")                           \
  X(connections_handled, counter, "Client connections served (not refused for a limit).")    \
  X(connections_active, gauge, "Client connections open now.")                               \
  X(connections_waiting, gauge, "Client connections open and idle (keep-alive).")            \
  X(connections_dropped, counter,                                                            \
    "Idle client connections, and such that send a head slowly, closed to make room.")       \
  X(accept_pauses, counter, "Times accepting paused: all worker_connections were busy.")     \
  X(handshakes_dropped, counter, "Unfinished TLS handshakes dropped: ssl_handshakes_max.")   \
  X(slow_heads, counter, "Heads that did not come within client_header_timeout.")            \
  X(slow_bodies, counter, "Request bodies that came too slowly or not at all.")              \
  X(slow_readers, counter, "Answers given up: their client took them too slowly.")           \
  X(heads_refused, counter, "Requests refused because large_heads_size was used up.")        \
  X(requests, counter, "Requests whose head was read, or refused while reading it.")         \
  X(requests_active, gauge, "Requests being answered now.")                                  \
  X(requests_aborted, counter, "Requests whose client left before the answer was complete.") \
  X(bytes_in, counter, "Bytes received from clients.")                                       \
  X(bytes_discarded, counter, "Bytes of clients thrown away after the last answer.")         \
  X(bytes_out, counter, "Bytes sent to clients.")                                            \
  X(responses_1xx, counter, "Interim responses sent.")                                       \
  X(responses_2xx, counter, "Responses with a 2xx status.")                                  \
  X(responses_3xx, counter, "Responses with a 3xx status.")                                  \
  X(responses_4xx, counter, "Responses with a 4xx status.")                                  \
  X(responses_5xx, counter, "Responses with a 5xx status.")                                  \
  X(tunnels_active, gauge, "Upgraded connections open now.")                                 \
  X(upstream_attempts, counter, "Requests given to a peer.")                                 \
  X(upstream_retries, counter, "Requests given to a peer once more after one had failed.")   \
  X(upstream_hedges, counter, "Requests given to a second peer as the first was slow.")      \
  X(retries_denied, counter, "Retries and hedges for which the budget had nothing left.")    \
  X(upstream_connects, counter, "Connections opened to peers.")                              \
  X(upstream_reused, counter, "Attempts that used a kept-alive connection.")                 \
  X(upstream_connect_failures, counter, "Connections to peers that could not be opened.")    \
  X(upstream_failures, counter, "Attempts that ended without a complete response.")          \
  X(upstream_active, gauge, "Attempts in progress now.")                                     \
  X(upstream_bytes_in, counter, "Bytes received from peers by attempts (not by tunnels).")   \
  X(upstream_bytes_out, counter, "Bytes sent to peers by attempts (not by tunnels).")        \
  X(cache_hits, counter, "Answers from a cache without asking a peer.")                      \
  X(cache_misses, counter, "Answers of peers, where a cache had none that could be used.")   \
  X(cache_revalidated, counter, "Stored answers that a peer said are good still.")           \
  X(cache_stale, counter, "Stored answers that were given though stale (among the hits).")   \
  X(cache_bypassed, counter, "Requests that a cache was not asked for.")                     \
  X(cache_repeated, counter, "Hits whose request was known byte for byte (hit_memory).")     \
  X(cache_uncopied, counter, "Of these, those sent without copying (hit_file_memory).")      \
  X(cache_collapsed, counter, "Hits that waited for another request's answer.")              \
  X(cache_copies_made, counter, "Copies of stored answers made in content codings.")         \
  X(cache_copies_used, counter, "Hits that were given from such a copy.")                    \
  X(cache_copies_improved, counter, "Copies made again at compress_cached_level.")           \
  X(cache_bytes_out, counter, "Bytes sent of answers from a cache.")                         \
  X(compressed_br_bytes_in, counter, "Bytes of answers compressed with br.")                 \
  X(compressed_br_bytes_out, counter, "What came out: bytes in br.")                         \
  X(compressed_zstd_bytes_in, counter, "Bytes of answers compressed with zstd.")             \
  X(compressed_zstd_bytes_out, counter, "What came out: bytes in zstd.")                     \
  X(compressed_gzip_bytes_in, counter, "Bytes of answers compressed with gzip.")             \
  X(compressed_gzip_bytes_out, counter, "What came out: bytes in gzip.")                     \
  X(compressed_deflate_bytes_in, counter, "Bytes of answers compressed with deflate.")       \
  X(compressed_deflate_bytes_out, counter, "What came out: bytes in deflate.")               \
  X(compress_skipped, counter, "Answers sent uncompressed: compress_memory was used up.")    \
  X(decompressed_bytes_in, counter, "Bytes of answers decompressed for their clients.")      \
  X(decompressed_bytes_out, counter, "What came out of them.")                               \
  X(decompress_refused, counter,                                                             \
    "Answers broken off: decompressed too large, or damaged; or there was no memory.")       \
  X(tls_handshakes, counter, "TLS handshakes with clients completed.")                       \
  X(tls_resumed, counter, "TLS handshakes that resumed a session.")                          \
  X(tls_failures, counter, "TLS handshakes with clients that failed.")                       \
  X(denied, counter, "Requests refused for lack of a valid key.")

namespace weir::shm {

// One number of a row: a store and a load, no read-modify-write, because it has one writer.
class Count {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_;
};

struct alignas(64) CounterRow {
  std::atomic<std::uint64_t> incarnation;  // whose row it is; written by the master at a claim
#define WEIR_COUNTER_MEMBER(name, kind, doc) Count name;
  WEIR_COUNTERS(WEIR_COUNTER_MEMBER)
#undef WEIR_COUNTER_MEMBER
};

enum class CounterKind : unsigned char { counter, gauge };
struct CounterInfo {
  std::string_view name;
  CounterKind kind;
  std::string_view doc;
  Count CounterRow::*member;
};
inline constexpr CounterInfo counter_table[] = {
#define WEIR_COUNTER_INFO(name, kind, doc) {#name, CounterKind::kind, doc, &CounterRow::name},
    WEIR_COUNTERS(WEIR_COUNTER_INFO)
#undef WEIR_COUNTER_INFO
};
inline constexpr std::size_t counter_count = std::size(counter_table);

// In the order of counter_table.
using CounterValues = std::array<std::uint64_t, counter_count>;

struct StatsBody {
  CounterRow row[slot_count];
  // Retired totals, then for each slot the last incarnation that they contain.
  Snapshot<counter_count + slot_count> retired;
};
static_assert(Shared<StatsBody> && sizeof(CounterRow) % 64 == 0);
inline constexpr Kind stats_kind{
    "stats", 1,
    layout_hash({slot_count, counter_count, sizeof(CounterRow), offsetof(StatsBody, retired)})};

class StatsTable {
 public:
  StatsTable() = default;
  explicit StatsTable(StatsBody* body) : body_(body) {}

  CounterRow& row(std::uint32_t index) {
    assert(index < slot_count);
    return body_->row[index];
  }

  // Master, at a claim: the row is zero and belongs to `id`. The slot must be free (so its last
  // incarnation is retired).
  void begin(SlotId id);

  // Housekeeper: the counters of a dead process are in the retired totals after this, once,
  // however often it is called and wherever an earlier call was killed.
  void fold(SlotId dead);
  bool is_folded(SlotId id) const;

  // Live rows and retired totals. Never blocks; false when rows were retired faster than it reads
  // (then the values are those of the last try).
  bool sum(CounterValues& out) const;

  std::uint64_t value(std::uint32_t index, const CounterInfo& info) const {
    assert(index < slot_count);
    return (body_->row[index].*info.member).get();
  }
  std::uint64_t row_incarnation(std::uint32_t index) const;
  std::uint64_t folded_incarnation(std::uint32_t index) const;

 private:
  using Retired = decltype(StatsBody::retired)::Words;
  StatsBody* body_ = nullptr;
};

}  // namespace weir::shm
