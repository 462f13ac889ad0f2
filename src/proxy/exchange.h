// Exchange: one request and its answer, whatever protocol carries them (ClientStream) and wherever
// the answer comes from: a peer (Tries), the cache (CacheStage), or ourselves (Reply).
//
//   staging -> attempting -> answering -> over      staging: the ordered table of stages.cc
//      |           |  ^--'       ^                  attempting: no head of an answer yet; another
//      peer may be tried
//      '-----------'-------------'                  answering: the head was given to the client's
//      stream
//   any of them -> over                             the client is gone, or must not see a clean end
//
// Owned by the session's stream, which destroys it after the turn in which the answer ended, or at
// any other time to cancel all of it; never inside a call that the exchange makes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/body.h"
#include "proxy/answer_filter.h"
#include "proxy/cache_work.h"
#include "proxy/exchange_state.h"
#include "proxy/reply.h"
#include "proxy/tries.h"
#include "proxy/tunnel.h"

namespace weir {

class Exchange final : private TriesOwner {
 public:
  Exchange(WorkerContext& context, ClientStream& client, const ListenPoint& listen,
           ExchangeMemory& memory, clock::Monotonic started);
  ~Exchange();
  Exchange& operator=(Exchange&&) = delete;

  // One of the two, once. The head is in memory.request, to_origin has its fields without
  // hop-by-hop ones.
  void start(const RequestTraits& traits);
  void refuse(Error why);  // what came is not a request that we take

  // By the stream.
  void on_body_failed(Error why);     // the request's body can't be read to its end
  void on_answer_sent();              // all of the answer is the kernel's
  void on_answer_aborted(Error why);  // the answer's source failed; the connection is being closed
  void on_client_gone(
      Error why);  // the connection is lost or closed; calls after the first change nothing

  // Of the answer that is out, for the HitMemory.
  std::optional<RepeatableHit> repeatable_hit() {
    const bool as_stored = cache_ != nullptr && filter_ == nullptr;
    return as_stored ? cache_->repeatable() : std::nullopt;
  }

  // What an answer brings into the cache goes on without the client that asked for it.
  bool outlives_client() const { return phase_ == Phase::over && fetching_; }

  // For the stages: each of them ends the staging.
  ExchangeState& state() { return state_; }
  void reply(const Reply& reply);
  void fail(Error why, std::string_view challenge = {});
  void drop();  // the connection closes without an answer
  void ask_peers();
  bool ask_cache();  // false: the request goes on to the peers
  // What is here of the request's body, for the peers: before they are asked.
  void keep_body(std::unique_ptr<BodyReplay> body) { tries_.keep_body(std::move(body)); }

  // For the cache stage. The head is complete but for what the location adds to every answer;
  // false: it can't be sent, nothing has been.
  bool begin_answer(ResponseHead& head, std::optional<std::uint64_t> length);
  Error unsendable() const { return unsendable_; }  // why it was false
  // Where the body of that answer goes: the client, or what codes it on its way there.
  BodySink& sink() {
    if (filter_ != nullptr) return *filter_;
    return state_.client;
  }
  void end_sources();  // of the answer's body: peers, text
  void ask_again();    // the peers, once more, with another head
  void end_tries() { tries_.end(); }
  void peer_failed(const Error& why) { tries_.answer_failed(why); }
  void fetch_over();  // what was fetched for the cache is there, or lost
  // What is done to an answer on its way. `peer`: whose it is; nullptr: it was stored. False: no
  // room.
  bool dress(ResponseHead& head, Peer* peer);
  // Takes nothing: for an answer of a peer that is not wanted after all.
  BodySink& refusal() { return refusal_; }

 private:
  enum class Phase : unsigned char { staging, attempting, answering, over };
  static bool may_enter(Phase from, Phase to);
  void enter(Phase next);  // the only writer of phase_

  // TriesOwner
  void on_continue() override { state_.client.continue_body(); }
  void on_informational(const ResponseHead& head) override { state_.client.informational(head); }
  BodySink& on_answer(Attempt& attempt, ResponseHead& head, const BodyFraming& framing) override;
  void on_upgrade(Attempt& attempt, ResponseHead& head, std::string_view protocol,
                  std::unique_ptr<Transport> transport, std::string_view early,
                  InFlight in_flight) override;
  void on_no_answer(std::uint16_t status) override;
  void on_failed(Error why) override;

  void begin();
  BodySink& pass_on(Attempt& attempt, const ResponseHead& received,
                    std::optional<std::uint64_t> length);
  bool code_answer(ResponseHead& head, std::optional<std::uint64_t>& length);
  void stop_filter();
  void log_access();
  void count_cache();

  // What an attempt writes to when its answer is not wanted after all: takes nothing.
  class Refusal final : public BodySink {
   public:
    std::size_t write(std::string_view, bool) override { return 0; }
    void trailers(const Fields&) override {}
    void flush() override {}
    void abort(Error) override {}
  };

  ExchangeState state_;
  std::unique_ptr<AnswerFilter> filter_;  // sources refer to it: they end first
  std::unique_ptr<CacheWork> cache_;      // where the location has a cache; tries may write to it
  Tries tries_;
  InFlight in_flight_;  // of the tunnel that a try became
  std::unique_ptr<Tunnel> tunnel_;
  TextSource text_;
  Error unsendable_;
  Refusal refusal_;
  Phase phase_ = Phase::staging;
  bool counted_ = false;  // in requests_active
  bool logged_ = false;
  bool fetching_ = false;  // for the cache, whether or not the client is still there
};

}  // namespace weir
