// Loop: the event loop of a process. One per process, made after fork (it owns an epoll
// descriptor), used by one thread.
//
// A turn: wait; refresh base/clock; callbacks of ready descriptors; due timers; watchers that
// asked to be called again; deferred tasks; deferred destruction. Whoever wants to outlive its own
// callback hands itself to destroy_later(). Everything registered here (watchers, timers, tasks)
// takes itself off when destroyed and must be destroyed before the loop.
//
// Only this room names libevent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/handle.h"
#include "base/list.h"
#include "event/wheel.h"

struct event;
struct event_base;

namespace weir {

class Loop;
class Timer;
class Watcher;

// Work put off to the end of the turn, when no callback is on the stack. Scheduling twice runs
// once. A task may schedule itself or others, destroy its owner and so itself.
class Deferred : public ListHook<> {
 public:
  using Callback = void (*)(void* owner);
  Deferred(Loop& loop, Callback run, void* owner) : loop_(loop), run_(run), owner_(owner) {}
  void schedule();
  void cancel() { unlink(); }
  bool scheduled() const { return is_linked(); }

 private:
  friend class Loop;
  Loop& loop_;
  Callback run_;
  void* owner_;
};

class Loop {
 public:
  static constexpr std::chrono::milliseconds tick{10};  // of all timers
  static constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

  // Called once per turn each; nullptr: none. Between `sleeps` and `woke` the process waits for
  // events, so a watchdog must not take silence for a stall.
  struct Hooks {
    void (*woke)(void* owner) = nullptr;    // after the wait, clock refreshed, before any callback
    void (*sleeps)(void* owner) = nullptr;  // everything of this turn is done
    void* owner = nullptr;
  };

  Loop();  // logs and exits the process when the kernel gives none
  ~Loop();
  Loop& operator=(Loop&&) = delete;

  void set_hooks(const Hooks& hooks) { hooks_ = hooks; }

  void run();                       // turns until stop(); returns at once if that came before
  void stop() { stopped_ = true; }  // the current turn is finished first
  // One turn; waits no longer than `wait_max` for something to happen. Tests step with it.
  void turn(std::chrono::milliseconds wait_max);
  std::uint64_t turns() const { return turns_; }

  // Destroys the object at the end of this turn, after the deferred tasks.
  template <class T>
  void destroy_later(std::unique_ptr<T> object) {
    if (object) doomed_.push_back({object.release(), [](void* it) { delete static_cast<T*>(it); }});
  }

 private:
  friend class Deferred;
  friend class LevelWatcher;
  friend class Timer;
  friend class Watcher;
  struct Doomed {
    void* object;
    void (*destroy)(void* object);
  };
  struct FreeBase {
    void operator()(event_base* base) const noexcept;
  };
  struct FreeEvent {
    void operator()(event* it) const noexcept;
  };

  void woke();  // first thing of every libevent callback: begins the turn once
  void wait(std::chrono::milliseconds wait_max);
  void run_timers();
  void run_tasks();
  void destroy_doomed();

  std::unique_ptr<event_base, FreeBase> base_;
  std::unique_ptr<event, FreeEvent> alarm_;  // ends the wait in time for the next timer
  std::chrono::steady_clock::time_point epoch_;
  std::chrono::steady_clock::time_point alarm_at_;
  Wheel wheel_;
  List<Watcher> again_, asked_;  // for the next turn, for this one
  List<Deferred> tasks_;
  std::vector<Doomed> doomed_, dooming_;
  Hooks hooks_;
  std::uint64_t turns_ = 0;
  bool stopped_ = false;
  bool awake_ = false;
  bool alarm_armed_ = false;
};

}  // namespace weir
