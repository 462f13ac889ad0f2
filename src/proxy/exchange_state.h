// ExchangeState: what is known of one exchange: plain data, filled by the stages, read by
// variables, header rules and the log. Owned by the Exchange. Text is in the arena of its memory,
// or lives as long as the configuration.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "cache/cache_status.h"
#include "http/message.h"
#include "proxy/attempt.h"
#include "proxy/client_stream.h"
#include "proxy/exchange_memory.h"
#include "proxy/request_id.h"
#include "proxy/router.h"

namespace weir {

struct WorkerContext;
struct SliceOrder;

// What the cache had to do with it, for those who look: X-Cache, Cache-Status, variables and
// counts.
struct CacheTrace {
  cache::Word word = cache::Word::bypass;
  cache::CacheStatus status{};
};

// The tries before the last one, as variables show them: "10.0.0.1:80, " in front of the last one's
// value.
struct EarlierTries {
  std::string_view addr, status, connect_time, header_time, response_time;
  unsigned count = 0;
};

// What went into a coder on the answer's way, and what came out.
struct CodedBytes {
  std::uint64_t bytes_in = 0, bytes_out = 0;
};

struct ExchangeState {
  ExchangeState(WorkerContext& worker, RequestIds& ids, ClientStream& stream,
                const ListenPoint& point, ExchangeMemory& room, clock::Monotonic first_byte)
      : context(worker),
        client(stream),
        listen(point),
        memory(room),
        started(first_byte),
        request_id(ids) {}
  ExchangeState& operator=(ExchangeState&&) = delete;

  WorkerContext& context;
  ClientStream& client;
  const ListenPoint& listen;
  ExchangeMemory& memory;
  RequestTraits traits{};

  clock::Monotonic started;
  RequestId request_id;

  // By the stages.
  const ServerPlan* server = nullptr;
  const LocationPlan* location = nullptr;
  Captures captures{};       // of the location's pattern or the last rewrite that matched
  std::string_view path{};   // normalised, as rewritten: $uri
  std::string_view query{};  // as rewritten: $args
  bool has_query = false;
  bool rewritten = false;
  std::string_view peer_address{};    // of the socket
  std::string_view client_address{};  // of whom it speaks for, if it is trusted
  bool peer_trusted = false;
  std::string_view remote_user{};
  std::string_view scheme{};

  bool refreshes = false;       // no client waits: what is stored is made fresh
  SliceOrder* slice = nullptr;  // ... or this slice is fetched
  CacheTrace cache{};           // where the location has a cache

  // Of the answer.
  std::uint16_t status = 0;  // 0: none yet
  EarlierTries earlier{};
  AttemptFacts last_try{};
  bool tried = false;                 // a peer was asked
  std::uint16_t upstream_status = 0;  // of the peer's answer, 0: none
  CodedBytes compressed{};            // 0: it was not

  Arena& arena() { return memory.arena; }
  RequestHead& request() { return memory.request; }
  const RequestHead& request() const { return memory.request; }
};

}  // namespace weir
