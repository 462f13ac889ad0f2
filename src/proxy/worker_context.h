// WorkerContext: what all sessions and exchanges of one worker share. Owned by the Service;
// outlives them all.
#pragma once

#include <cstdint>

namespace weir {

class AccessLogs;
class BufferPool;
class Loop;
class RequestIds;
class Router;
class Statistics;
class Upstreams;
namespace conf {
struct Config;
}

struct WorkerContext {
  Loop& loop;
  const conf::Config& config;
  BufferPool& buffers;
  const Router& router;
  Upstreams& upstreams;
  RequestIds& request_ids;
  Statistics& statistics;
  AccessLogs& access_logs;
  bool draining = false;          // answers say Connection: close
  std::uint64_t connections = 0;  // serial of the last one accepted
};

}  // namespace weir
