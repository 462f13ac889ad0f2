// WorkerContext: what all sessions and exchanges of one worker share. Owned by the Service;
// outlives them all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/budget.h"
#include "base/buffer.h"
#include "conf/model.h"
#include "event/loop.h"
#include "http/date.h"
#include "net/linger.h"
#include "proxy/exchange_memory.h"
#include "proxy/hit_memory.h"
#include "proxy/request_id.h"
#include "proxy/unsent_hit.h"
#include "shm/counters.h"
#include "shm/slots.h"

namespace weir {

namespace observe {
class AccessLogs;
}
class CoderPool;
class CoderTurns;
class Session;
class Sessions;

struct WorkerContext {
  Loop& loop;
  const conf::Config& config;
  shm::SlotOwner& slot;
  shm::CounterRow& counters;
  observe::AccessLogs& access_logs;
  BufferPool& buffers;
  Budget& heads;  // what long heads hold (large_heads_size)
  Lingerers& lingerers;
  Sessions& sessions;
  HitMemory& hits;
  CoderPool& coders;  // compress_memory
  CoderTurns& coder_turns;
  // What the kernel had no room for of repeated hits. Few clients have one at a time: it costs the
  // others nothing.
  std::unordered_map<const Session*, UnsentHit> unsent{};
  RequestIds request_ids{};
  ExchangeMemories memories{heads};
  DateCache date{};
  std::string hostname{};
  // Fields by which we decide (API keys, real_ip_header): a client's Connection may not name them.
  std::vector<std::string_view> own_names{};
  // For reads that are used up before the next one: a head that comes whole is never buffered.
  std::span<char> scratch{};
  unsigned refreshers = 0;        // exchanges without a client (refresher.h)
  unsigned slice_fetches = 0;     // and those for slices
  bool draining = false;          // answers say Connection: close
  std::uint64_t connections = 0;  // serial of the last one accepted
};

}  // namespace weir
