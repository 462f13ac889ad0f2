// Session: one client connection, whatever protocol it speaks; Sessions: all of a worker, and how
// they end.
//
// A session is destroyed after the turn in which it said gone(). Between two requests it stands on
// the idle list, the longest idle one first; while its first byte or the rest of a head is waited
// for, on the slow list. These make room for others, in that order.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>

#include "base/list.h"
#include "event/loop.h"
#include "shm/counters.h"

namespace weir {

class Session : public ListHook<> {
 public:
  virtual ~Session() = default;
  virtual void drop() = 0;  // closes, now
  // The worker leaves: an idle session may wait for one more request, but no longer than this.
  virtual void limit_idle(std::chrono::milliseconds longest) = 0;

 private:
  friend class Sessions;
  enum class State : unsigned char { handshake, slow, busy, idle, tunnel, count_ };
  State state_ = State::busy;
};

class Sessions {
 public:
  Sessions(Loop& loop, shm::CounterRow& counters) : loop_(loop), counters_(counters) {}
  ~Sessions() { destroy_all(); }
  Sessions& operator=(Sessions&&) = delete;

  Session& add(std::unique_ptr<Session> session);
  void gone(Session& session);  // it has closed its transport and will call nothing more
  void became_handshaking(Session& session) { move(session, State::handshake); }
  void became_slow(Session& session) { move(session, State::slow); }
  void became_busy(Session& session) { move(session, State::busy); }
  void became_idle(Session& session) { move(session, State::idle); }
  void became_tunnel(Session& session) { move(session, State::tunnel); }

  std::size_t count() const { return count_; }
  std::size_t handshakes() const { return of(State::handshake).count; }
  std::size_t idle() const { return of(State::idle).count; }
  std::size_t tunnels() const { return of(State::tunnel).count; }

  bool drop_oldest_idle() { return drop_oldest(State::idle); }  // false: none is idle
  bool drop_oldest_slow() { return drop_oldest(State::slow); }
  bool drop_oldest_handshake();
  void drop_idle() { drop_all(State::idle); }
  void drop_tunnels() { drop_all(State::tunnel); }
  void drop_all();
  void destroy_all();  // unannounced, at once: before what sessions refer to goes
  void limit_idle(std::chrono::milliseconds longest);

  // After every gone(): the owner may have room again, or be empty.
  void on_change(void (*changed)(void* owner), void* owner) { changed_ = changed, owner_ = owner; }

 private:
  using State = Session::State;
  struct Queue {
    List<Session> sessions;  // the one that is in this state longest first
    std::size_t count = 0;
  };
  Queue& of(State state) { return queues_[static_cast<std::size_t>(state)]; }
  const Queue& of(State state) const { return queues_[static_cast<std::size_t>(state)]; }
  void enter(Session& session, State state);
  void leave(Session& session);
  void move(Session& session, State state);
  bool drop_oldest(State state);
  void drop_all(State state);
  void take_off(Session& session);

  Loop& loop_;
  shm::CounterRow& counters_;
  std::array<Queue, static_cast<std::size_t>(State::count_)> queues_;  // each session is on one
  std::size_t count_ = 0;
  void (*changed_)(void* owner) = nullptr;
  void* owner_ = nullptr;
};

}  // namespace weir
