// CacheWork: what an exchange has to do with a cache: CacheStage for a client, SliceFetch for a
// slice that no client waits for alone.
#pragma once

#include <cstdint>
#include <optional>

#include "http/body.h"
#include "http/message.h"
#include "proxy/answer_coding.h"
#include "proxy/hit_memory.h"

namespace weir {

class Peer;

class CacheWork {
 public:
  CacheWork() = default;
  CacheWork(const CacheWork&) = delete;
  CacheWork& operator=(const CacheWork&) = delete;
  virtual ~CacheWork() = default;

  // True: the request is answered or waits; false: it goes on to the peers.
  virtual bool begin() = 0;
  // What the peers are asked has this head now.
  virtual void before_asking() = 0;
  // A peer has answered. Where its body goes; nullptr: straight to the client.
  virtual BodySink* on_answer(ResponseHead& received, std::optional<std::uint64_t> length,
                              Peer& peer) = 0;
  // No peer has answered. True: there is nothing left to say.
  virtual bool on_no_answer() = 0;

  // The answer that is about to begin is to be compressed: from a copy that is stored, or is made
  // as it is given. nullopt: not so, it is coded on its way. Asked once, when nothing was sent yet.
  struct Copied {
    std::optional<std::uint64_t> length{};  // of the copy, where it is known
  };
  virtual std::optional<Copied> take_copy(const AnswerCoding&) { return std::nullopt; }

  // How this answer is given again to a request of the same bytes; nullopt: it may not be.
  virtual std::optional<RepeatableHit> repeatable() { return std::nullopt; }

  virtual bool goes_on_alone() = 0;  // the client is gone; true: the fetch goes on into the store
  virtual void stop() = 0;
};

}  // namespace weir
