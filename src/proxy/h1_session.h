// H1Session: an HTTP/1.1 client connection: keep-alive, pipelining (one exchange at a time; the
// next head is parsed only when the answer before it is out), time limits between requests, and the
// ways to end it.
//
//   opening -> waiting -> reading_head -> exchanging -> (draining) -> waiting ...        any of
//                 ^  '--> repeating --.                                                  them ->
//                 '-------------------'                                                  closed
//
// repeating: a request that was answered from a cache a moment ago has come again, byte for byte
// (HitMemory); it has no exchange.
//
// Between requests it holds no buffer and no exchange: some 450 bytes with its socket, watcher and
// timer (a unit test adds them up). Closed, it is destroyed after the turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "event/timer.h"
#include "http/limits.h"
#include "net/transport.h"
#include "proxy/h1_input.h"
#include "proxy/pace.h"
#include "proxy/session.h"
#include "proxy/worker_context.h"

namespace weir {

class H1Stream;
class ListenPoint;

Limits limits_of(const conf::ServerConf& server);

class H1Session final : public Session, private TransportOwner {
 public:
  // How a connection ends. plain: in good order, behind what is on its way; linger: and what the
  // client still sends is read away for a while, lest a reset destroys the answer; cut: the answer
  // is not whole, and its framing says so as long as no close_notify is sent; reset: where only the
  // end of the connection ends the message.
  enum class Close : unsigned char { plain, linger, cut, reset };

  H1Session(WorkerContext& context, const ListenPoint& listen,
            std::unique_ptr<Transport> transport);
  ~H1Session() override;
  void start();  // after Sessions::add

  // Session
  void drop() override;
  void limit_idle(std::chrono::milliseconds longest) override;

  // For its stream
  void
  exchange_over();  // the answer is out (or the drain over); the stream may be destroyed inside
  void close(Close how);
  void outlived();  // what the stream still did for others when the connection closed is done
  bool is_closed() const { return phase_ == Phase::closed; }
  std::uint64_t serial() const { return serial_; }
  std::uint64_t requests() const { return requests_; }

 private:
  enum class Phase : unsigned char {
    opening,
    waiting,
    reading_head,
    repeating,
    exchanging,
    draining,
    closed,
  };
  static bool may_enter(Phase from, Phase to);
  void enter(Phase next);  // the only writer of phase_

  void on_ready(Transport& transport, Ready ready) override;
  void opened();
  void read();
  bool take(std::string_view bytes);  // true: the head is incomplete, read on
  void begin_head();
  void start_exchange(std::string_view head, std::string_view rest);
  void refuse(std::string_view bytes, Error why);
  void next_request();
  void idle();

  // h1_repeat.cc. False: it is a request like others.
  bool repeat_hit(std::string_view request);
  Io write_hit(HitMemory::Remembered& known, cache::Reader& body);
  void keep_unsent(const HitMemory::Remembered& known, cache::Reader reader, std::size_t sent);
  void send_rest();
  static void late(void* self, Pace::Late how);
  static void timed_out(void* self);

  const conf::ServerConf& server()
      const;  // whose limits hold while no request says which server it wants

  WorkerContext& context_;
  const ListenPoint& listen_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<H1Stream> stream_;
  H1Input input_;
  Timer timer_;
  clock::Monotonic started_{};  // when the first byte of this head came
  std::uint64_t serial_;
  std::uint32_t requests_ = 0;
  Phase phase_ = Phase::opening;
  bool refused_ = false;  // the last head
};

}  // namespace weir
