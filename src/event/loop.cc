#include "event/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "base/log.h"
#include "event/timer.h"
#include "event/watcher.h"

namespace weir {
namespace {

struct FreeConfig {
  void operator()(event_config* config) const noexcept { event_config_free(config); }
};

// Tasks may schedule tasks; after this many rounds the rest waits for the next turn, so that a task
// that keeps scheduling itself can't starve the descriptors.
constexpr int task_rounds_max = 8;

// A turn that begins so long after the one before was held up: the process was stopped, say.
constexpr std::chrono::seconds held_up{1};
// So often the descriptors are asked again before the timers have their way all the same.
constexpr int catch_up_rounds_max = 64;

// libevent measures spans by the coarse clock, which stands still between two ticks of the kernel
// (4 ms). An alarm for a time between two of them wakes the process up, is not due by that clock,
// and wakes it again every millisecond until it is: so it is set for the tick at or after `until`.
timeval span_until(std::chrono::steady_clock::time_point until) {
  const auto ns_of = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  static const std::int64_t step = [&] {
    timespec resolution{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    return std::max<std::int64_t>(ns_of(resolution), 1'000'000);
  }();
  timespec coarse{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
  const std::int64_t left =
      std::max<std::int64_t>(until.time_since_epoch().count() - ns_of(coarse), 0);
  const std::int64_t span_us = (left + step - 1) / step * step / 1000;
  timeval value{};
  value.tv_sec = static_cast<time_t>(span_us / 1'000'000);
  value.tv_usec = static_cast<suseconds_t>(span_us % 1'000'000);
  return value;
}

// A process without an event loop is of no use to anybody; its parent sees the status.
[[noreturn]] void give_up() {
  log::line(log::Level::emerg, "the kernel gives no epoll descriptor: {}", std::strerror(errno));
  _exit(1);
}

}  // namespace

void Loop::FreeBase::operator()(event_base* base) const noexcept { event_base_free(base); }
void Loop::FreeEvent::operator()(event* it) const noexcept { event_free(it); }

Loop::Loop() {
  const std::unique_ptr<event_config, FreeConfig> config(event_config_new());
  if (!config) give_up();
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
  event_config_require_features(config.get(), EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  base_.reset(event_base_new_with_config(config.get()));
  if (!base_) give_up();
  alarm_.reset(event_new(
      base_.get(), -1, 0,
      [](evutil_socket_t, short, void* self) {
        auto& loop = *static_cast<Loop*>(self);
        loop.alarm_armed_ = false;
        loop.woke();
      },
      this));
  if (!alarm_) give_up();
  clock::refresh();
  epoch_ = clock::now();
}

Loop::~Loop() {
  // A task or a destructor may doom another object.
  while (!doomed_.empty()) destroy_doomed();
}

void Deferred::schedule() {
  if (!is_linked()) loop_.tasks_.push_back(*this);
}

void Loop::run() {
  while (!stopped_) turn(forever);
  stopped_ = false;
}

void Loop::turn(std::chrono::milliseconds wait_max) {
  awake_ = false;
  while (!again_.empty()) {  // those who ask while this turn runs are for the next one
    Watcher& watcher = again_.front();
    watcher.unlink();
    asked_.push_back(watcher);
  }
  const auto last_turn = clock::now();
  wait(asked_.empty() && tasks_.empty() ? wait_max : std::chrono::milliseconds(0));
  woke();  // nothing came: the turn begins here
  if (clock::now() - last_turn > held_up) {
    // Timers fell due while the process stood still, and what they wait for may have come as well
    // and not been looked at: that goes first.
    for (int left = catch_up_rounds_max; awake_ && left > 0; --left) {
      awake_ = false;
      event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    woke();
  }
  run_timers();
  while (!asked_.empty()) {
    Watcher& watcher = asked_.front();
    watcher.unlink();
    watcher.call({});
  }
  run_tasks();
  destroy_doomed();
  ++turns_;
  if (hooks_.sleeps != nullptr) hooks_.sleeps(hooks_.owner);
}

void Loop::woke() {
  if (awake_) return;
  awake_ = true;
  clock::refresh();
  if (hooks_.woke != nullptr) hooks_.woke(hooks_.owner);
}

// An alarm that is too early costs one empty turn, and setting it one heap operation: it is set
// only when there is none or it would be late.
void Loop::wait(std::chrono::milliseconds wait_max) {
  int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
  using Time = std::chrono::steady_clock::time_point;
  auto until = Time::max();
  if (wait_max == std::chrono::milliseconds(0))
    until = Time::min();
  else if (wait_max < forever)
    until = std::chrono::steady_clock::now() + wait_max;
  if (const auto next = wheel_.next())
    until = std::min(until, epoch_ + tick * static_cast<std::int64_t>(*next));
  // The clock is asked only where an alarm has to be set: one that is due ends the wait at once.
  if (until == Time::min()) {
    flags |= EVLOOP_NONBLOCK;
  } else if (until < Time::max() && (!alarm_armed_ || until < alarm_at_)) {
    const auto now = std::chrono::steady_clock::now();
    if (until <= now) {
      flags |= EVLOOP_NONBLOCK;
    } else {
      const timeval span = span_until(until);
      event_add(alarm_.get(), &span);
      alarm_armed_ = true;
      alarm_at_ = until;
    }
  }
  event_base_loop(base_.get(), flags);
}

void Loop::run_timers() {
  const auto now = static_cast<Wheel::Tick>((clock::now() - epoch_) / tick);
  wheel_.advance(now, [](Wheel::Entry& entry) {
    auto& timer = static_cast<Timer&>(entry);
    timer.fire_(timer.owner_);
  });
}

void Loop::run_tasks() {
  for (int round = 0; round < task_rounds_max && !tasks_.empty(); ++round) {
    for (std::size_t left = tasks_.size(); left > 0 && !tasks_.empty(); --left) {
      Deferred& task = tasks_.front();
      task.unlink();
      task.run_(task.owner_);
    }
  }
}

void Loop::destroy_doomed() {
  while (!doomed_.empty()) {
    dooming_.swap(doomed_);
    for (const Doomed& it : dooming_) it.destroy(it.object);
    dooming_.clear();
  }
}

}  // namespace weir
