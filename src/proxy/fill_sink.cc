#include "proxy/fill_sink.h"

#include <cassert>

namespace weir {

void FillSink::start(cache::Fill fill) {
  assert(state_ == State::idle && fill);
  fill_ = std::move(fill);
  state_ = State::filling;
}

void FillSink::go_direct(BodySink* client) {
  assert(state_ == State::overflowing);
  set_next(client);
  if (client != nullptr) resume();
}

void FillSink::give_up() {
  fill_ = {};
  if (state_ != State::filled) state_ = State::lost;
}

std::size_t FillSink::write(std::string_view bytes, bool last) {
  if (state_ == State::overflowing) return next() == nullptr ? 0 : next()->write(bytes, last);
  if (state_ != State::filling) return 0;
  if (!bytes.empty() && !fill_.append(bytes)) {
    state_ = State::overflowing;
    fill_ = {};
    owner_.on_overflow();
    return 0;
  }
  if (!last) {
    owner_.on_fill_written();
    return bytes.size();
  }
  fill_.commit();  // where it can't be kept after all, it is there for who reads it already
  state_ = State::filled;
  owner_.on_filled();
  return bytes.size();
}

// A stored answer has no trailers: what they say comes too late for who gets it from the store.
void FillSink::trailers(const Fields& fields) {
  if (state_ == State::overflowing && next() != nullptr) next()->trailers(fields);
}

void FillSink::flush() {
  if (state_ == State::overflowing) {
    if (next() != nullptr) next()->flush();
    return;
  }
  if (state_ == State::filling) owner_.on_fill_grown();
}

void FillSink::abort(Error why) {
  if (state_ == State::overflowing) {
    if (next() != nullptr) next()->abort(why);
    return;
  }
  if (state_ != State::filling) return;
  state_ = State::lost;
  fill_.abandon();
  owner_.on_fill_lost(why);
}

void FillSink::resume() {
  if (source() != nullptr) source()->resume();
}

}  // namespace weir
