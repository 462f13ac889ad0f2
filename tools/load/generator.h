// Generator: one worker's part of the load: a loop, its connections, and when which of them gets
// the next request.
//
// Open loop: requests fall due by the schedule. One that finds no idle connection opens another up
// to the bound, else waits in line, and its latency counts from when it was due all the same.
// Closed loop: each connection begins its next request when it has the answer to the last.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "http/limits.h"
#include "http/message.h"
#include "net/linger.h"
#include "os/fd.h"
#include "tools/load/connection.h"
#include "tools/load/plan.h"
#include "tools/load/schedule.h"
#include "tools/load/tally.h"

namespace weir::load {

class Generator {
 public:
  using Clock = Connection::Clock;

  Generator(const Plan& plan, const Share& share, Tally& tally, Live& live);
  ~Generator();
  Generator& operator=(Generator&&) = delete;

  // Until all is done, or `stop` becomes readable. False: the kernel gave no timer.
  bool run(int stop);

  // for connections
  Loop& loop() { return loop_; }
  const Plan& plan() const { return plan_; }
  const Limits& limits() const { return limits_; }
  Tally& tally() { return tally_; }
  BufferPool& pool() { return pool_; }
  std::span<char> read_buffer() { return read_buffer_; }
  ResponseHead& scratch_head() { return scratch_head_; }
  void answered(Connection& connection, Clock::time_point intended, std::uint16_t status);
  void failed(Connection& connection, Failure kind, std::string_view detail);
  void lost_while_idle(Connection& connection);
  void rested(Connection& connection);
  void let_go(std::unique_ptr<Transport> transport);

 private:
  void tick();
  void arm_tick();
  void send_due();
  void give_up_waiting(Clock::time_point now);
  Connection* free_connection();
  void next_for(Connection& connection, bool could_connect, Clock::time_point now);
  void begin_closed(Connection& connection, Clock::time_point now);
  bool over(Clock::time_point now) const;  // no request begins any more
  void ended();
  void check();

  const Plan& plan_;
  Tally& tally_;
  Live& live_;
  BufferPool pool_;  // of TLS records; the loop may still destroy transports when it ends
  Loop loop_;
  Limits limits_;
  std::vector<char> read_buffer_;
  ResponseHead scratch_head_;
  Lingerers lingerers_;
  Schedule schedule_;
  Watcher tick_;
  Timer check_;
  Fd clock_fd_;  // wakes to the microsecond; the loop's own timers are coarse

  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t connections_max_;
  bool spread_;  // open loop over a given number of connections: all are opened, and take turns
  List<Connection> idle_, unused_;
  std::uint64_t next_ = 0;           // of the schedule: not yet begun
  std::uint64_t noticed_ = 0;        // of the schedule: seen to be due
  std::uint64_t begun_ = 0, limit_;  // closed loop
  std::uint64_t in_flight_ = 0;
  bool stopped_ = false;
};

}  // namespace weir::load
