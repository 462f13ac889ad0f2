#include "event/watcher.h"

#include <event2/event.h>

#include <cassert>

namespace weir {

Result<Ok> Watcher::watch(int fd) {
  assert(!watching_);
  event_assign(&event_, loop_.base_.get(), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
               &Watcher::dispatch, this);
  if (event_add(&event_, nullptr) != 0)
    return Error{Side::self, "the kernel refused to watch a descriptor"};
  watching_ = true;
  return Ok{};
}

void Watcher::stop() {
  unlink();
  again_ = {};
  if (!watching_) return;
  event_del(&event_);
  watching_ = false;
}

void Watcher::again(Ready ready) {
  again_.readable |= ready.readable;
  again_.writable |= ready.writable;
  again_.closed |= ready.closed;
  if (!is_linked()) loop_.again_.push_back(*this);
}

void Watcher::dispatch(int, short what, void* self) {
  auto& watcher = *static_cast<Watcher*>(self);
  watcher.loop_.woke();
  watcher.unlink();  // an edge that comes first makes the asked-for call unnecessary
  watcher.call(
      {(what & (EV_READ | EV_CLOSED)) != 0, (what & EV_WRITE) != 0, (what & EV_CLOSED) != 0});
}

void Watcher::call(Ready ready) {
  ready.readable |= again_.readable;
  ready.writable |= again_.writable;
  ready.closed |= again_.closed;
  again_ = {};
  callback_(owner_, ready);  // nothing of ours is touched after this call
}

Result<Ok> LevelWatcher::watch(int fd) {
  assert(!watching_);
  event_assign(&event_, loop_.base_.get(), fd, EV_READ | EV_PERSIST, &LevelWatcher::dispatch, this);
  if (event_add(&event_, nullptr) != 0)
    return Error{Side::self, "the kernel refused to watch a descriptor"};
  watching_ = true;
  return Ok{};
}

void LevelWatcher::stop() {
  if (!watching_) return;
  event_del(&event_);  // takes an event that is already queued off, too
  watching_ = false;
}

void LevelWatcher::dispatch(int, short, void* self) {
  auto& watcher = *static_cast<LevelWatcher*>(self);
  watcher.loop_.woke();
  watcher.readable_(watcher.owner_);
}

}  // namespace weir
