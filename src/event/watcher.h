// Watcher: what becomes of one descriptor. One registration for its life, edge-triggered, for
// reading, writing and the peer's end together; changing one's mind about interest costs nothing.
//
// An edge says what may have become possible since the last one; the owner keeps flags
// (net/socket.h does) and goes on until a call says EAGAIN. An owner that stops earlier (a byte
// budget per turn) calls again() and is called in the next turn, without a system call.
//
// The callback may stop or destroy the watcher; nothing of it is touched afterwards. The descriptor
// is the owner's and is closed after stop() or the destructor.
#pragma once

#include <event2/event_struct.h>

#include "base/list.h"
#include "base/result.h"
#include "event/loop.h"

namespace weir {

struct Ready {
  bool readable = false;
  bool writable = false;
  bool closed = false;  // the peer has ended its direction (EPOLLRDHUP): what comes ends in EOF
};

class Watcher : public ListHook<> {
 public:
  using Callback = void (*)(void* owner, Ready ready);
  Watcher(Loop& loop, Callback callback, void* owner)
      : loop_(loop), callback_(callback), owner_(owner) {}
  ~Watcher() { stop(); }
  Watcher& operator=(Watcher&&) = delete;

  // Registers `fd`. Fails when the kernel has no memory or watches left. Not twice without stop().
  Result<Ok> watch(int fd);
  void stop();
  bool watching() const { return watching_; }

  // The callback is run in the next turn, with `ready` and whatever has come by then.
  void again(Ready ready);

  // For an owner that hands the descriptor's object on to another (dialer to transport).
  void set_callback(Callback callback, void* owner) { callback_ = callback, owner_ = owner; }
  Loop& loop() const { return loop_; }

 private:
  friend class Loop;
  static void dispatch(int fd, short what, void* self);
  void call(Ready ready);

  Loop& loop_;
  Callback callback_;
  void* owner_;
  event event_{};
  Ready again_{};
  bool watching_ = false;
};

// For a descriptor that is only read, as long as there is something to read: listeners, signalfd,
// control sockets. Level-triggered: what the owner leaves is announced again in the next turn.
class LevelWatcher {
 public:
  using Callback = void (*)(void* owner);
  LevelWatcher(Loop& loop, Callback readable, void* owner)
      : loop_(loop), readable_(readable), owner_(owner) {}
  ~LevelWatcher() { stop(); }
  LevelWatcher& operator=(LevelWatcher&&) = delete;

  Result<Ok> watch(int fd);  // not twice without stop()
  void stop();               // no callback after this, even for an event that is already queued
  bool watching() const { return watching_; }

 private:
  static void dispatch(int fd, short what, void* self);

  Loop& loop_;
  Callback readable_;
  void* owner_;
  event event_{};
  bool watching_ = false;
};

}  // namespace weir
