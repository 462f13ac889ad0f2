// Attempt: one try at one peer, HTTP/1.1: take a pooled connection or make one, send the request,
// bring the answer. A retry destroys one attempt and makes another.
//
//   idle -> connecting -> exchanging -> done        the answer is complete, or was cut short
//     |        |              |-------> upgraded    the connection is the owner's
//     |--------|--------------|-------> failed      nothing of a final answer was delivered
//     '--------'--------------'-------> cancelled   by the owner
//
// The exchange owns the attempt and is its AttemptOwner. Two streams run through it, both pulled:
//   request body:  session -> attempt (BodySink); bind it before start():
//   stream.send_body_to(&attempt) response body: attempt (BodySource) -> the BodySink that
//   on_response() returned
//
// Rules:
// - Cancelling is the destructor. An attempt may not be destroyed inside a call that it makes
//   (callbacks, sink writes, source resumes), except at the end of its life: on_failed, on_done and
//   on_upgrade are the last thing it does. cancel() may be called anywhere: it calls nobody after
//   it, so that the destructor can wait for the end of the turn.
// - Exactly one of these three ends an attempt. on_failed comes only before on_response; what goes
//   wrong later is told by BodySink::abort(), followed by on_done.
// - The owner is called from the loop only: never inside start(), write() or abort(). start() with
// a
//   pooled connection asks for the body (resume) at once; resume() may deliver and end.
// - What AttemptRequest names must outlive the attempt, or at least its cancel().
//
// Expect: 100-continue is forwarded (RFC 9110 10.1.1: the origin may refuse the body unseen): leave
// the field in the head. Then no body byte is taken until the origin says 100, or has been silent
// for `continue_wait` (many ignore the field), and on_continue tells when: the moment for the
// session to send its own 100.
//
// An early final answer is delivered at once; the upload goes on beside it until the answer is
// complete or the origin stops reading, and the connection is not used again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/recycled.h"
#include "base/result.h"
#include "conf/model.h"
#include "event/timer.h"
#include "http/body.h"
#include "http/framing.h"
#include "http/limits.h"
#include "http/message.h"
#include "net/transport.h"
#include "proxy/upstream_reader.h"
#include "proxy/upstream_writer.h"
#include "upstream/connector.h"
#include "upstream/group.h"

namespace weir {

enum class AttemptFailure : std::uint8_t {
  connect_refused,  // refused, unreachable, reset before it stood: another peer may do
  connect_timeout,  // TCP or TLS: another peer may do
  tls,              // handshake or verification: another peer may do
  local,            // no descriptor, no local port, no memory: our own lack, no fault of the peer
  send_timeout,
  read_timeout,
  reset,         // the connection broke before the answer's head was complete
  closed_early,  // the origin closed before the answer's head was complete
  invalid,       // what came is not an HTTP answer that we accept
  request_body,  // the client's body can't be completed: the client is to blame, or gone
};
std::uint16_t status_of(AttemptFailure kind);   // 502, 503, 504; 400 for request_body
std::string_view name_of(AttemptFailure kind);  // for logs
std::uint32_t failure_of(AttemptFailure kind);  // a bit of RetryConf::On; 0: none of the peer's

struct AttemptError {
  AttemptFailure kind;
  Error error;
  bool sent;  // the peer may have seen something of the request
};

// What variables and logs tell of one try. Times are clock::now() of the turn; not set: it did not
// come so far.
struct AttemptFacts {
  std::string_view peer;  // "127.0.0.1:8000", in the arena
  bool reused = false;    // the connection came from the pool
  int status = 0;         // 0: no final answer
  clock::Monotonic started{};
  std::optional<clock::Monotonic> connected, header, ended;
  std::uint64_t bytes_sent = 0, bytes_received = 0;  // heads and framing included
  std::uint64_t body_bytes_taken = 0;                // of the request
  std::uint64_t body_bytes = 0;                      // of the answer, decoded
  std::string_view cut_short;  // why the answer was aborted after on_response; empty: it was not
};

struct AttemptRequest {
  const RequestHead& head;  // as the peer gets it; Connection, framing, TE are written from below
  std::string_view target;
  BodyFraming body{};                           // none, length or chunked: written anew
  std::string_view upgrade{};                   // the protocol offered; empty: none
  bool te_trailers = false;                     // the client takes trailers
  const conf::LocationConf& conf;               // timeouts and bounds
  ResponseHead& answer;                         // filled by the attempt: a place that is warm
  std::chrono::milliseconds connect_timeout{};  // this try's share of proxy_connect_timeout
  std::chrono::milliseconds answer_timeout{};   // of this try, until the answer's head; 0: none
  bool fresh = false;  // leave the pool alone: a pooled connection has just died on this request
};

class Attempt;

class AttemptOwner {
 public:
  virtual void on_continue(Attempt&) = 0;                            // let the client send its body
  virtual void on_informational(Attempt&, const ResponseHead&) = 0;  // 102, 103...; never 100, 101
  // The final head (AttemptRequest::answer), without hop-by-hop and framing fields; its text is in
  // the arena. Returns where the body goes; an answer without a body gets one empty last write all
  // the same.
  virtual BodySink& on_response(Attempt&, ResponseHead&, const BodyFraming&) = 0;
  // A 101 for what we asked. `early` came right behind the head and lives until the call returns.
  virtual void on_upgrade(Attempt&, ResponseHead&, std::string_view protocol,
                          std::unique_ptr<Transport>, std::string_view early) = 0;
  virtual void on_failed(Attempt&, const AttemptError&) = 0;
  virtual void on_done(Attempt&) = 0;

 protected:
  ~AttemptOwner() = default;
};

class Attempt final : public BodySink,
                      public BodySource,
                      public Recycled<Attempt>,
                      private TransportOwner,
                      private ConnectorOwner {
 public:
  static constexpr std::chrono::milliseconds continue_wait{1000};
  static constexpr unsigned informational_max = 16;  // 1xx heads before the final one
  static constexpr std::size_t bytes_per_turn_max = std::size_t{1024} * 1024;

  // Heads of answers are copied into `arena`, once.
  Attempt(Loop& loop, BufferPool& buffers, Arena& arena, Group& group, Peer& peer,
          const AttemptRequest& request, AttemptOwner& owner);
  ~Attempt();
  Attempt& operator=(Attempt&&) = delete;  // pinned

  void start();
  void start_on(Lease lease);  // on this connection, whatever the pool has

  void cancel();

  const AttemptFacts& facts() const { return facts_; }
  Peer& peer() const { return peer_; }

  // Of the request body, by its session.
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void flush() override;
  void abort(Error why) override;

  // Of the answer's body, by its sink.
  void resume() override;

 private:
  enum class Phase : std::uint8_t {
    idle,
    connecting,
    exchanging,
    done,
    upgraded,
    failed,
    cancelled
  };
  static bool may_enter(Phase from, Phase to);
  void enter(Phase next);  // the only writer of phase_
  // To be asked after each call to others: they may have cancelled.
  bool live() const { return phase_ == Phase::exchanging; }

  // What the timer stands for.
  enum class Waiting : std::uint8_t { nothing, to_send, for_continue, to_read };
  Waiting waiting_for() const;
  void
  wait_for_progress();  // at the end of each entry: the right timer, pushed back if bytes moved
  void arm(std::chrono::milliseconds limit);
  void on_timer();

  void on_connected(std::unique_ptr<Transport> transport) override;
  void on_connect_failed(const ConnectError& error) override;
  void on_ready(Transport& transport, Ready ready) override;
  void on_memory();
  void on_deferred();

  void begin_time();
  void begin_exchange(Lease lease);
  void begin_request();
  void ask_for_body();
  void open_gate();
  void after_writing();
  void fail_later(AttemptFailure kind, Error error);

  // What became of the bytes read so far.
  enum class Pass : std::uint8_t {
    next,   // go on with what is there
    more,   // read more
    pause,  // the sink is full
    ended   // the attempt has ended: `this` may be gone; or it was cancelled
  };
  void read_answer();
  Pass digest();
  Pass take_head();
  Pass take_informational();
  Pass take_upgrade(std::string_view protocol);
  Pass take_final(const BodyFraming& framing, bool persistent);
  Pass pass_body();
  Pass input_ended(bool broken);

  // Each ends the attempt; nothing of it may be touched afterwards.
  Pass fail(AttemptFailure kind, Error error);
  Pass cut_short(Error why);
  Pass finish();
  void close();

  BufferPool& buffers_;
  Arena& arena_;
  Group& group_;
  Peer& peer_;
  const AttemptRequest request_;
  AttemptOwner& owner_;
  const Limits limits_;

  Connector connector_;
  Lease lease_;
  UpstreamWriter writer_;
  UpstreamReader reader_;
  ResponseHead& head_;
  BodySink* sink_ = nullptr;  // of the answer's body, from on_response on
  Timer timer_;
  Deferred deferred_;
  BufferPool::Waiter memory_;
  Error deferred_error_{Side::self, {}};
  AttemptFailure deferred_failure_{};
  AttemptFacts facts_;
  clock::Monotonic answer_due_ = clock::Monotonic::max();
  std::uint64_t moved_ = 0;  // bytes, both ways, when the timer was armed
  unsigned informational_ = 0;
  Phase phase_ = Phase::idle;
  Waiting waiting_ = Waiting::nothing;
  bool paused_ = false;      // the sink is full
  bool persistent_ = false;  // the origin will take another request
  bool silent_ = false;      // cancelled: nobody wants to hear more
};

}  // namespace weir
