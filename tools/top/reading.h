// Reading: what an instance is and has counted at one moment. Plain data; two of them make a Frame.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "process/upstream_view.h"
#include "shm/counters.h"

namespace weir::top {

struct WorkerReading {
  std::uint32_t slot = 0, incarnation = 0;
  pid_t pid = 0;
  std::uint64_t generation = 0;
  std::string state;
  std::int64_t heartbeat_ns = 0;  // 0: never
  std::uint64_t connections = 0, requests = 0;
  std::int64_t cpu_ns = -1;  // of its whole life; -1: not to be had
  std::string at;            // what it works on; empty: nothing
};

// A store of stored answers; two of one name where a reload made another.
struct CacheReading {
  std::string name;
  std::uint64_t bytes = 0, bytes_max = 0, entries = 0, entries_max = 0;
  // Since it was made.
  std::uint64_t stored = 0, evicted = 0;
  std::uint64_t hits = 0, misses = 0, revalidated = 0;  // requests that it was asked for
  std::uint64_t bytes_out = 0;                          // of the hits
  // Of its disk tier; max 0: it has none.
  std::uint64_t disk_bytes = 0, disk_bytes_max = 0, disk_entries = 0, disk_hits = 0,
                disk_write_errors = 0;
};

// What the master says of itself.
struct MasterReading {
  bool answers = false;  // now; what follows is the last it said
  std::string version;
  pid_t pid = 0;
  std::int64_t uptime_ms = 0;
  std::uint64_t generation = 0;
};

struct Reading {
  std::int64_t now_ns = 0;
  MasterReading master;
  std::vector<process::UpstreamView> upstreams;
  std::vector<WorkerReading> workers;
  std::vector<CacheReading> caches;
  std::int64_t caches_ns = 0;  // when they were so: the master says it
  shm::CounterValues counters{};

  std::uint64_t counter(std::string_view name) const;
};

}  // namespace weir::top
