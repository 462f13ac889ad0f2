// Connection: one connection of the load and the request that is on it: connects, sends, reads the
// answer through weir's own parser, counts what came of it, and tells its generator.
//
//   closed -> connecting -> handshaking -> busy -> idle -> busy ...      any but closed may fail,
//     ^                                      |       |                   and is closed then
//     '--------------------------------------'-------'
//
// A request that fails is never sent again: a failure is what is being measured.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/list.h"
#include "event/timer.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/dialer.h"
#include "net/transport.h"
#include "tools/load/tally.h"

namespace weir::load {

class Generator;

class Connection final : public TransportOwner, public ListHook<> {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Connection(Generator& generator);
  Connection& operator=(Connection&&) = delete;

  // One request, meant to start at `intended`. The generator is told of its end, never from
  // inside this call.
  void begin(Clock::time_point intended);
  bool is_open() const { return phase_ == Phase::idle; }
  // Closed loop: begins by itself after a pause.
  void begin_later(std::chrono::milliseconds pause);

 private:
  enum class Phase : std::uint8_t { closed, resting, connecting, handshaking, busy, idle };
  enum class Taken : std::uint8_t { more, whole, failed };

  void connect();
  void dialled(std::unique_ptr<Socket> socket);
  void dial_failed(int error_number);
  void on_ready(Transport& transport, Ready ready) override;
  void handshake_over();
  void send_request();
  void write_some();
  void read_answer();
  Taken take(std::string_view bytes);
  Taken take_head(std::string_view& bytes);
  Taken take_body(std::string_view bytes);
  Taken malformed(std::string_view why);
  void input_ended();
  void broken(const Error& error);
  void look_while_idle();
  void answered();
  void fail(Failure kind, std::string_view detail);
  void drop(bool politely);
  void time_is_up();

  Generator& generator_;
  Dialer dialer_;
  Timer timer_;
  Deferred failing_;  // a failure that is known at once is told at the end of the turn
  std::unique_ptr<Transport> transport_;
  Clock::time_point intended_;
  std::string_view out_;  // what is left of the request
  std::string carry_;     // of a head that has not come whole
  HeadScan scan_;
  BodyDecoder decoder_;
  std::string_view failing_detail_;
  Failure failing_kind_{};
  Phase phase_ = Phase::closed;
  std::uint16_t status_ = 0;  // 0: the answer's head is still to come
  std::uint8_t informational_ = 0;
  bool persists_ = false;
  bool until_close_ = false;
};

}  // namespace weir::load
