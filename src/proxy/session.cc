#include "proxy/session.h"

namespace weir {

void Sessions::enter(Session& session, State state) {
  session.state_ = state;
  of(state).sessions.push_back(session);
  ++of(state).count;
  if (state == State::idle) counters_.connections_waiting.add();
  if (state == State::tunnel) counters_.tunnels_active.add();
}

void Sessions::leave(Session& session) {
  const State state = session.state_;
  session.unlink();
  --of(state).count;
  if (state == State::idle) counters_.connections_waiting.sub();
  if (state == State::tunnel) counters_.tunnels_active.sub();
}

void Sessions::move(Session& session, State state) {
  leave(session);
  enter(session, state);
}

Session& Sessions::add(std::unique_ptr<Session> session) {
  Session& added = *session.release();  // owned by the queues from here to take_off()
  enter(added, State::busy);
  ++count_;
  counters_.connections_active.add();
  return added;
}

void Sessions::take_off(Session& session) {
  leave(session);
  --count_;
  counters_.connections_active.sub();
}

void Sessions::gone(Session& session) {
  take_off(session);
  loop_.destroy_later(std::unique_ptr<Session>(&session));
  if (changed_ != nullptr) changed_(owner_);
}

void Sessions::destroy_all() {
  for (Queue& queue : queues_) {
    while (!queue.sessions.empty()) {
      const std::unique_ptr<Session> session(&queue.sessions.front());
      take_off(*session);
    }
  }
}

bool Sessions::drop_oldest(State state) {
  if (of(state).sessions.empty()) return false;
  of(state).sessions.front().drop();
  return true;
}

bool Sessions::drop_oldest_handshake() {
  const bool dropped = drop_oldest(State::handshake);
  if (dropped) counters_.handshakes_dropped.add();
  return dropped;
}

void Sessions::drop_all(State state) {
  for (Session& session : of(state).sessions) session.drop();
}

void Sessions::drop_all() {
  for (Queue& queue : queues_)
    for (Session& session : queue.sessions) session.drop();
}

void Sessions::limit_idle(std::chrono::milliseconds longest) {
  for (Session& session : of(State::idle).sessions) session.limit_idle(longest);
}

}  // namespace weir
