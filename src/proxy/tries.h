// Tries: what one exchange tries at the peers of its group until one of them has an answer for the
// client. Chooses the peers, decides what is tried again (retry_decision.h) and waits between
// tries; the exchange hears of the outcome alone.
//
//   start() -> try -> [held back answer is read away] -> [backoff] -> next try ... -> on_answer
//               '-> [late: a second one beside it, the first head wins]            or on_no_answer
//
// Before the first try it may wait in the group's queue, while every peer is at its max_conns.
//
// Two attempts at most live at one time: in two lanes. A lane's attempt ends
//   by failing     something else is tried, or the other lane goes on alone, or that was it
//   by its answer  which goes to the client; the other lane is cancelled
//   by an answer that `retry` wants to be asked for again: it never gets further. What came of it
//                  is read away until the end of the turn, so that its connection may live
//
// Owned by the exchange, which is its TriesOwner; the exchange may call end() anywhere.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "event/loop.h"
#include "event/timer.h"
#include "http/body.h"
#include "proxy/attempt.h"
#include "proxy/body_replay.h"
#include "proxy/exchange_state.h"
#include "proxy/retry_decision.h"
#include "upstream/peer_picker.h"

namespace weir {

class TriesOwner {
 public:
  virtual void on_continue() = 0;
  virtual void on_informational(const ResponseHead& head) = 0;
  // The answer for the client: no other will come. Returns where its body goes.
  virtual BodySink& on_answer(Attempt& attempt, ResponseHead& head, const BodyFraming& framing) = 0;
  virtual void on_upgrade(Attempt& attempt, ResponseHead& head, std::string_view protocol,
                          std::unique_ptr<Transport> transport, std::string_view early,
                          InFlight in_flight) = 0;
  // Nothing is left to try; why was logged. The client gets this status.
  virtual void on_no_answer(std::uint16_t status) = 0;
  virtual void on_failed(Error why) = 0;  // before any peer could be blamed

 protected:
  ~TriesOwner() = default;
};

class Tries final : private AttemptOwner, private Waiter {
 public:
  Tries(ExchangeState& state, TriesOwner& owner);
  ~Tries();
  Tries& operator=(Tries&&) = delete;  // pinned

  // Before start(): the request's body, or what has come of it, is here.
  void keep_body(std::unique_ptr<BodyReplay> body) { replay_ = std::move(body); }
  void start();  // once; the request for the origin is ready
  void end();    // cancels whatever is going on

  // The request's body can't be completed, after the answer had begun.
  void abort_body(Error why);
  const PeerPicker& picker() const { return *picker_; }  // after start()

  // The answer that went to the client broke off.
  void answer_failed(const Error& why);

 private:
  struct Lane {
    InFlight in_flight;
    std::unique_ptr<Attempt> attempt;
    std::uint16_t held_back = 0;  // the status of an answer that is being read away
    bool blamed = false;          // its peer, for the status of its answer (fail_on)
    bool is_trying() const { return attempt != nullptr && held_back == 0; }
  };
  enum class Waiting : std::uint8_t { nothing, for_backoff, for_hedge };

  // AttemptOwner
  void on_continue(Attempt&) override { owner_.on_continue(); }
  void on_informational(Attempt&, const ResponseHead& head) override {
    owner_.on_informational(head);
  }
  BodySink& on_response(Attempt& attempt, ResponseHead& head, const BodyFraming& framing) override;
  void on_upgrade(Attempt& attempt, ResponseHead& head, std::string_view protocol,
                  std::unique_ptr<Transport> transport, std::string_view early) override;
  void on_failed(Attempt& attempt, const AttemptError& error) override;
  void on_done(Attempt& attempt) override;

  // Waiter: the peers have room again, or it took too long.
  bool on_turn() override;
  void on_wait_over() override;

  void keep_body();
  bool is_idempotent() const;
  bool body_at_hand() const;
  std::chrono::milliseconds connect_time_left() const;

  void leave_queue();

  // A try begins and ends.
  void begin_first(Group::Picked picked);
  void begin(InFlight at, std::chrono::milliseconds connect_time, bool fresh);
  void feed(Attempt& attempt);
  void stop_feeding();
  void end_lane(Lane& lane);
  void count(const AttemptFacts& facts);
  void note_earlier(const AttemptFacts& facts, std::uint16_t status);
  Lane& lane_of(const Attempt& attempt);
  Lane& other(const Lane& lane) { return lanes_[&lane == lanes_.data() ? 1 : 0]; }

  // What comes after one. prepare(): whether there is another try; then launch() begins it.
  bool prepare(RetryVerdict verdict);
  void launch();
  bool hold_back(Lane& lane, std::uint16_t status);
  void after_turn();
  void on_timer();
  std::chrono::milliseconds backoff() const;

  void count_answer(Attempt& attempt, std::uint16_t status);
  void arm_hedge();
  void hedge();
  void take_answer(Lane& lane, const ResponseHead& head);

  // Takes an answer that nobody wants, as far as it is short.
  class Swallow final : public BodySink {
   public:
    static constexpr std::size_t bytes_max = 16 * std::size_t{1024};
    std::size_t write(std::string_view bytes, bool) override {
      if (bytes.size() > left_) return 0;
      left_ -= bytes.size();
      return bytes.size();
    }
    void trailers(const Fields&) override {}
    void flush() override {}
    void abort(Error) override {}
    void refill() { left_ = bytes_max; }

   private:
    std::size_t left_ = bytes_max;
  };

  ExchangeState& state_;
  TriesOwner& owner_;
  Group* group_ = nullptr;  // these three from start() on
  const conf::RetryConf* conf_ = nullptr;
  std::optional<PeerPicker> picker_;
  std::unique_ptr<BodyReplay> replay_;  // where a body may have to be sent again
  Swallow swallow_;
  std::array<Lane, 2> lanes_;
  InFlight next_;  // the peer that launch() goes to; empty: chosen when the backoff is over
  Timer timer_;
  Deferred after_turn_;
  std::optional<std::size_t> replaced_at_;  // the peer at which a stale connection was replaced
  std::uint32_t tries_ = 0;                 // as RetryConf::tries counts them
  std::uint16_t last_status_ = 0;           // that of the last try
  Waiting waiting_ = Waiting::nothing;
  bool launching_ = false;  // at the end of this turn
  bool hedged_ = false;
};

}  // namespace weir
