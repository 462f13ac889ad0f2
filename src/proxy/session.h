// Session: one client connection, whatever protocol it speaks; Sessions: all of a worker, and how
// they end.
//
// A session is destroyed after the turn in which it said gone(). Between two requests it stands on
// the idle list, the longest idle one first; while its first byte or the rest of a head is waited
// for, on the slow list. These make room for others, in that order.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/list.h"
#include "event/loop.h"
#include "shm/counters.h"

namespace weir {

struct OfAllSessions {};
struct OfSessionState {};

class Session : public ListHook<OfAllSessions>, public ListHook<OfSessionState> {
 public:
  virtual ~Session() = default;
  virtual void drop() = 0;  // closes, now
  // The worker leaves: an idle session may wait for one more request, but no longer than this.
  virtual void limit_idle(std::chrono::milliseconds longest) = 0;

 private:
  friend class Sessions;
  enum class State : unsigned char { handshake, slow, busy, idle, tunnel } state_ = State::busy;
};

class Sessions {
 public:
  Sessions(Loop& loop, shm::CounterRow& counters) : loop_(loop), counters_(counters) {}
  ~Sessions() { destroy_all(); }
  Sessions& operator=(Sessions&&) = delete;

  Session& add(std::unique_ptr<Session> session);
  void gone(Session& session);  // it has closed its transport and will call nothing more
  void became_handshaking(Session& session);
  void became_slow(Session& session);
  void became_busy(Session& session);
  void became_idle(Session& session);
  void became_tunnel(Session& session);

  std::size_t count() const { return count_; }
  std::size_t handshakes() const { return handshake_count_; }
  std::size_t idle() const { return idle_count_; }
  std::size_t tunnels() const { return tunnel_count_; }

  bool drop_oldest_idle();  // false: none is idle
  bool drop_oldest_slow();
  bool drop_oldest_handshake();
  void drop_idle();
  void drop_tunnels();
  void drop_all();
  void destroy_all();  // unannounced, at once: before what sessions refer to goes
  void limit_idle(std::chrono::milliseconds longest);

  // After every gone(): the owner may have room again, or be empty.
  void on_change(void (*changed)(void* owner), void* owner) { changed_ = changed, owner_ = owner; }

 private:
  using AllHook = ListHook<OfAllSessions>;
  using StateHook = ListHook<OfSessionState>;
  void leave_state(Session& session);

  Loop& loop_;
  shm::CounterRow& counters_;
  List<Session, OfAllSessions> all_;
  List<Session, OfSessionState> handshakes_, slow_, idle_, tunnels_;  // oldest first
  std::size_t count_ = 0, handshake_count_ = 0, idle_count_ = 0, tunnel_count_ = 0;
  void (*changed_)(void* owner) = nullptr;
  void* owner_ = nullptr;
};

}  // namespace weir
