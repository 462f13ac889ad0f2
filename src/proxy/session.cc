#include "proxy/session.h"

namespace weir {

void Sessions::destroy_all() {
  while (!all_.empty()) {
    const std::unique_ptr<Session> session(&all_.front());
    leave_state(*session);
    static_cast<AllHook&>(*session).unlink();
    --count_;
    counters_.connections_active.sub();
  }
}

Session& Sessions::add(std::unique_ptr<Session> session) {
  Session& added = *session.release();
  all_.push_back(added);
  ++count_;
  counters_.connections_active.add();
  return added;
}

void Sessions::gone(Session& session) {
  leave_state(session);
  static_cast<AllHook&>(session).unlink();
  --count_;
  counters_.connections_active.sub();
  loop_.destroy_later(std::unique_ptr<Session>(&session));
  if (changed_ != nullptr) changed_(owner_);
}

void Sessions::leave_state(Session& session) {
  static_cast<StateHook&>(session).unlink();
  switch (session.state_) {
    case Session::State::slow:
    case Session::State::busy: break;
    case Session::State::handshake: --handshake_count_; break;
    case Session::State::idle:
      --idle_count_;
      counters_.connections_waiting.sub();
      break;
    case Session::State::tunnel:
      --tunnel_count_;
      counters_.tunnels_active.sub();
      break;
  }
  session.state_ = Session::State::busy;
}

void Sessions::became_handshaking(Session& session) {
  leave_state(session);
  session.state_ = Session::State::handshake;
  handshakes_.push_back(session);
  ++handshake_count_;
}

void Sessions::became_slow(Session& session) {
  leave_state(session);
  session.state_ = Session::State::slow;
  slow_.push_back(session);
}

void Sessions::became_busy(Session& session) { leave_state(session); }

void Sessions::became_idle(Session& session) {
  leave_state(session);
  session.state_ = Session::State::idle;
  idle_.push_back(session);
  ++idle_count_;
  counters_.connections_waiting.add();
}

void Sessions::became_tunnel(Session& session) {
  leave_state(session);
  session.state_ = Session::State::tunnel;
  tunnels_.push_back(session);
  ++tunnel_count_;
  counters_.tunnels_active.add();
}

bool Sessions::drop_oldest_idle() {
  if (idle_.empty()) return false;
  idle_.front().drop();
  return true;
}

bool Sessions::drop_oldest_slow() {
  if (slow_.empty()) return false;
  slow_.front().drop();
  return true;
}

bool Sessions::drop_oldest_handshake() {
  if (handshakes_.empty()) return false;
  counters_.handshakes_dropped.add();
  handshakes_.front().drop();
  return true;
}

void Sessions::drop_idle() {
  for (Session& session : idle_) session.drop();
}

void Sessions::drop_tunnels() {
  for (Session& session : tunnels_) session.drop();
}

void Sessions::drop_all() {
  for (Session& session : all_) session.drop();
}

void Sessions::limit_idle(std::chrono::milliseconds longest) {
  for (Session& session : idle_) session.limit_idle(longest);
}

}  // namespace weir
