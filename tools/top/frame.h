// Frame: what is shown: two readings of an instance made into rows with rates. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/top/reading.h"

namespace weir::top {

enum class Mood : unsigned char { plain, good, fair, bad, dim, title };

// What happened at a peer between two readings; absent where there is no earlier one.
struct PeerRates {
  double requests = 0;                   // per second
  double errors = 0;                     // share of them: failures and answers of 5xx
  std::uint64_t p50_us = 0, p99_us = 0;  // until the answer's head; 0: there was none
};

struct PeerRow {
  std::string group, address, url;
  std::string status;  // "HEALTHY", "UNREACHABLE, drained"
  Mood mood = Mood::plain;
  bool healthy = false;
  std::uint64_t failures = 0;                             // attempts without a whole answer
  std::uint64_t probe_failures = 0, failed_in_a_row = 0;  // probes
  std::optional<std::int64_t> healthy_ms_ago, in_state_ms;
  std::uint64_t probe_us = 0, in_flight = 0, requests = 0;
  std::optional<PeerRates> rates;
  std::uint32_t weight = 1;
  std::optional<shm::PeerLoad> load;
  std::string error;  // the last one
};

struct WorkerRow {
  pid_t pid = 0;
  std::uint64_t generation = 0;
  std::string state;
  Mood mood = Mood::plain;
  std::optional<std::int64_t> silent_ms;
  std::uint64_t connections = 0;
  std::optional<double> requests, cpu;  // per second; share of one CPU
  std::string at;
};

// Of the requests that a cache was asked for, or all of them: the share that was answered from it.
struct CacheHits {
  std::optional<double> now, in_all;  // absent: there was no such request
};

struct CacheRow {
  std::string name;
  std::uint64_t bytes = 0, bytes_max = 0, entries = 0;
  std::optional<double> stored, evicted, bytes_out;  // per second
  CacheHits hits;
  std::uint64_t disk_bytes = 0, disk_bytes_max = 0, disk_entries = 0;  // max 0: there is no disk
  std::uint64_t disk_write_errors = 0;                                 // since it was made
  std::optional<double> disk_hits;                                     // per second
  Mood mood = Mood::plain;
};

// Answers that were compressed with one coding, or decompressed.
struct CodingRow {
  std::string name;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  double ratio = 0;                         // plain bytes for each coded one; 0: there was none
  std::optional<double> in_rate, out_rate;  // per second
  Mood mood = Mood::plain;
};

struct GroupRows {
  std::string name;
  bool checked = false;  // without, nobody says who is healthy
  std::vector<PeerRow> peers;
};

struct Frame {
  MasterReading master;
  std::vector<GroupRows> groups;
  std::vector<WorkerRow> workers;
  std::vector<CacheRow> caches;
  CacheHits hits;
  std::vector<CodingRow> codings;  // those that there was something of
  double seconds = 0;              // between the two readings; 0: there was one
  std::uint64_t connections = 0, requests = 0, requests_active = 0;
  std::optional<double> requests_rate, errors;  // of all: per second; share of 5xx
};

Frame frame_of(const Reading* before, const Reading& now);

// A worker that was silent for so long hangs, or has much to do.
inline constexpr std::int64_t silence_ms = 1000;

}  // namespace weir::top
