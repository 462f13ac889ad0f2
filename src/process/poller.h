// Poller: the master's event loop: descriptors and timers over epoll, and nothing else.
//
// The master has no libevent, so that a child which makes its own event base inherits none. Not
// fast, not meant to be: the master handles a few events per second. Handlers may watch, forget,
// arm and cancel anything, themselves included.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "os/fd.h"

namespace weir::process {

class Poller {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void()>;
  using TimerId = std::uint64_t;  // 0: none

  static Result<std::unique_ptr<Poller>> create();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Calls the handler whenever the descriptor is readable or its other side is gone.
  void watch(int fd, Handler handler);
  void forget(int fd);  // before the descriptor is closed

  TimerId after(std::chrono::milliseconds delay, Handler handler);  // once
  void cancel(TimerId& timer);                                      // and sets it to 0

  // Runs handlers until stop(); what stop() was given is returned.
  int run();
  void stop(int status);
  bool stopping() const { return stopping_; }
  // One wait of at most `limit`, and the handlers it leads to.
  void turn(std::chrono::milliseconds limit);

 private:
  explicit Poller(Fd epoll) : epoll_(std::move(epoll)) {}
  std::chrono::milliseconds until_next_timer(std::chrono::milliseconds limit) const;
  void run_timers();

  Fd epoll_;
  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
  std::map<std::pair<Clock::time_point, TimerId>, Handler> timers_;
  std::unordered_map<TimerId, Clock::time_point> due_;
  TimerId next_timer_ = 1;
  bool stopping_ = false;
  int status_ = 0;
};

}  // namespace weir::process
