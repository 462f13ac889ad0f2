// Listener: accepts from one listening socket, at most 64 connections a turn.
//
// The socket is not owned: the master keeps it for its whole life and other processes poll it too
// (SO_REUSEPORT shards, stall adoption). After stop() nothing is accepted, even if an event for it
// is already queued: the next generation polls the same queue.
//
// Out of descriptors or memory: the oldest queued client is closed (so that the queue moves and
// the client learns of it), and accepting pauses for 100 ms.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "os/address.h"
#include "os/fd.h"

namespace weir {

class Listener;

class ListenerOwner {
 public:
  // A new connection, non-blocking and close-on-exec. The owner may stop the listener here, not
  // destroy it.
  virtual void on_accept(Listener& listener, Fd fd, const Address& peer) = 0;

 protected:
  ~ListenerOwner() = default;
};

class Listener {
 public:
  static constexpr int accepts_per_turn_max = 64;
  static constexpr std::chrono::milliseconds exhausted_pause{100};

  // `listening` is a listening, non-blocking socket; `user` is for the owner (its ListenConf).
  Listener(Loop& loop, int listening, ListenerOwner& owner, const void* user = nullptr);
  Listener& operator=(Listener&&) = delete;

  Result<Ok> start();
  void stop();
  // The owner has no room (worker_connections). Both may be called at any time, also twice.
  void pause();
  void resume();
  void set_budget(int accepts_per_turn);  // e.g. 2 for a queue that is polled for a stalled sibling

  int fd() const { return listening_; }
  const void* user() const { return user_; }
  bool started() const { return started_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t turned_away() const { return turned_away_; }  // closed for want of descriptors

 private:
  void accept_some();
  bool accept_one();
  void exhausted(int error_number);
  void update();

  int listening_;
  ListenerOwner& owner_;
  const void* user_;
  LevelWatcher watcher_;
  Timer pause_timer_;
  Fd reserve_;  // given up to accept, and close, one client when there are no descriptors left
  int budget_ = accepts_per_turn_max;
  bool started_ = false;
  bool paused_ = false;     // by the owner
  bool exhausted_ = false;  // by us, for 100 ms
  std::uint64_t accepted_ = 0, turned_away_ = 0;
};

}  // namespace weir
