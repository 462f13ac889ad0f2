#include "filter/coder_filter.h"

#include <algorithm>
#include <cassert>

namespace weir {

CoderFilter::CoderFilter(CoderTurns& turns, CoderLease lease)
    : turns_(turns),
      lease_(std::move(lease)),
      turn_([](void* self) { static_cast<CoderFilter*>(self)->go_on(); }, this) {
  assert(lease_);
}

std::size_t CoderFilter::write(std::string_view bytes, bool last) {
  if (!coding()) return 0;
  assert(!busy_);
  busy_ = true;
  std::size_t taken = 0;
  do {
    again_ = false;
    taken += code(bytes.substr(taken), last);
  } while (again_ && alive());  // the next sink has said inside its write() that it has room
  busy_ = false;
  // What was taken whole is not offered again, the end with it, though it may not be with the
  // coder.
  if (last && taken == bytes.size() && alive()) state_ = State::ending;
  source_waits_ = coding() && taken < bytes.size();
  return taken;
}

// As much of `bytes` as can be taken now.
std::size_t CoderFilter::code(std::string_view bytes, bool last) {
  std::size_t taken = 0;
  while (settle() && coding() && (taken < bytes.size() || last)) {
    const std::string_view rest = bytes.substr(taken);
    const std::string_view now = rest.substr(0, CoderTurns::slice_bytes);
    const bool ends = last && now.size() == rest.size();
    const auto step = slice(now, ends ? Upto::end : Upto::whenever);
    if (!step) return taken;
    taken += step->taken;
    if (ends && step->taken == now.size()) state_ = State::ending;
    last_made_ = ends && step->done;
  }
  return taken;
}

// What was begun comes first: output for which there is no more room, a flush, the end. True: there
// is room and nothing is left to do but to take more.
bool CoderFilter::settle() {
  for (;;) {
    if (!alive()) return false;
    const bool to_send = last_made_ || (flush_next_ && !flush_coder_) ||
                         lease_.output().size() - end_ < Encoder::room_min;
    if (to_send && !send()) return false;
    if (last_made_) {
      finish();
      return false;
    }
    if (flush_coder_) {
      const auto step = slice({}, Upto::flush);
      if (!step) return false;
      if (step->done) flush_coder_ = coder_holds_ = false;
    } else if (state_ == State::ending) {
      const auto step = slice({}, Upto::end);
      if (!step) return false;
      last_made_ = step->done;
    } else if (flush_next_) {
      flush_next_ = false;
      next()->flush();
    } else {
      return true;
    }
  }
}

// nullopt: not in this turn, or the coder failed.
std::optional<CoderFilter::Step> CoderFilter::slice(std::string_view bytes, Upto upto) {
  if (!turns_.begin(turn_)) return std::nullopt;
  const Step step = run(bytes, lease_.output().subspan(end_), upto);
  turns_.end();
  end_ += step.made;
  bytes_in_ += step.taken;
  if (step.taken > 0) coder_holds_ = true;
  if (!step.failed) return step;
  abort(*step.failed);
  return std::nullopt;
}

// True: the next sink has taken all that was made.
bool CoderFilter::send() {
  if (next() == nullptr) return false;
  const auto waiting = std::string_view(lease_.output().data(), lease_.output().size())
                           .substr(begin_, end_ - begin_);
  if (waiting.empty() && !last_made_) return true;
  const std::size_t taken = next()->write(waiting, last_made_);
  bytes_out_ += taken;
  if (!alive()) return false;
  begin_ += taken;
  if (begin_ < end_) return false;
  begin_ = end_ = 0;
  return next() != nullptr || last_made_;
}

void CoderFilter::finish() {
  state_ = State::over;
  completed_ = true;
  turn_.unlink();
  lease_.release();
  on_over();
}

void CoderFilter::trailers(const Fields& fields) {
  if (alive() && next() != nullptr) next()->trailers(fields);
}

void CoderFilter::flush_now() {
  if (!coding()) return;  // the end brings out all there is
  flush_coder_ = coder_holds_;
  flush_next_ = true;
  go_on();
}

// May come inside write() of the next sink: send() looks whether it is over before it goes on.
void CoderFilter::abort(Error why) {
  if (!alive()) return;
  state_ = State::over;
  turn_.unlink();
  lease_.release();
  on_over();
  if (next() != nullptr) next()->abort(why);
}

void CoderFilter::resume() { go_on(); }

// The next sink has room, or it is our turn, or time to flush.
void CoderFilter::go_on() {
  if (busy_) {
    again_ = true;
    return;
  }
  if (!alive()) return;
  busy_ = true;
  bool ready = false;
  do {
    again_ = false;
    ready = settle();
  } while (again_ && alive());
  busy_ = false;
  if (!ready || !source_waits_ || source() == nullptr) return;
  source_waits_ = false;
  source()->resume();
}

}  // namespace weir
