// Tally: what a generating process has counted; the reporting one adds them up. A plain value in
// shared memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tools/load/histogram.h"

namespace weir::load {

// Why a request failed. Every failed request counts as one of these.
enum class Failure : std::uint8_t {
  connect_refused,
  connect_timeout,
  connect_failed,
  tls,
  reset,
  closed,
  malformed,
  timeout,
  status,
  local,
  count_
};
inline constexpr std::size_t failure_kinds = static_cast<std::size_t>(Failure::count_);
std::string_view failure_name(Failure kind);  // for JSON: "connect_refused"
std::string_view failure_text(Failure kind);  // for people: "connection refused"

struct Tally {
  std::uint64_t requests = 0;                 // that ended, well or not
  std::uint64_t ok = 0;                       // with a whole answer of a status that was expected
  std::uint64_t in_window = 0;                // answered before the run's time was over
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of HTTP: without what TLS adds
  std::uint64_t connections = 0;              // opened
  std::uint64_t tls_full = 0, tls_resumed = 0;
  std::array<std::uint64_t, 1000> statuses{};
  std::array<std::uint64_t, failure_kinds> failures{};
  std::array<std::array<char, 96>, failure_kinds> details{};  // of the first of each kind
  Histogram latency;           // of every whole answer, from when the request was meant to start
  Histogram lag;               // open loop: how late the generator itself noticed that one was due
  std::uint64_t last_end = 0;  // nanoseconds from the start of the run to the last answer
  bool complete = false;       // the process has come to its end

  void failed(Failure kind, std::string_view detail);
  std::uint64_t failed() const;
  void add(const Tally& other);
};

// What the progress bar reads while a process counts.
struct Live {
  std::atomic<std::uint64_t> done{0}, failed{0}, open{0};
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
};

}  // namespace weir::load
