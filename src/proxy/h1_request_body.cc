#include "proxy/h1_request_body.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "proxy/errors.h"

namespace weir {
namespace {

// One client may not keep the turn for itself.
constexpr std::size_t bytes_per_turn = std::size_t{512} * 1024;

}  // namespace

H1RequestBody::H1RequestBody(Loop& loop, BufferPool& pool, Transport& transport,
                             const conf::MinRate& rate, RequestBodyOwner& owner)
    : transport_(transport),
      owner_(owner),
      buffer_(pool),
      waiter_(&buffer_free, this),
      pace_(loop, rate, &late, this) {}

bool H1RequestBody::start(const BodyFraming& framing, const Limits& limits,
                          std::string_view early) {
  decoder_.start(framing, limits, Side::client);
  complete_ = !framing.has_body();
  if (early.empty()) return true;
  const std::size_t size = std::bit_ceil(std::max(early.size(), BufferPool::block_bytes_min));
  if (size > BufferPool::block_bytes_max || !buffer_.acquire(size)) return false;
  buffer_.append(early);
  if (!complete_) received_ = early.size();
  return true;
}

void H1RequestBody::start_tunnel() {
  static const Limits no_limits;
  decoder_.start({BodyKind::until_close}, no_limits, Side::client);
  tunnel_ = true;
  complete_ = false;
  rules_.bytes_max = 0;
}

void H1RequestBody::fail(Error why) {
  if (failed_ || complete_) return;
  failed_ = true;
  stop();
  owner_.on_body_failed(why);
}

void H1RequestBody::stop() {
  sink_ = nullptr;
  pace_.rest();
  waiter_.unlink();
}

void H1RequestBody::on_ready(Ready ready) {
  if (sink_ != nullptr && !complete_) return pump();
  if (ready.readable || ready.closed) probe();
}

// Something came while nobody reads: more requests, an end, or a reset. Only a read can tell (a
// reset has no edge of its own), and who has gone should not keep a peer busy. What it brings is
// kept for later, one block of it at most.
void H1RequestBody::probe() {
  if (ended_ || !transport_.readable()) return;
  if (!buffer_.acquire()) return;  // the next write will tell
  buffer_.compact();
  while (!buffer_.writable().empty()) {
    const Io io = transport_.read(buffer_.writable(), Want::more);
    if (io.state == Io::State::again) break;
    if (io.state == Io::State::bytes) {
      buffer_.produce(io.bytes);
      if (!complete_) received_ += io.bytes;
      continue;
    }
    ended_ = true;
    if (io.state == Io::State::error) {
      complete_ = false;
      fail(trouble(Trouble::client_gone));
    }
    break;
  }
  buffer_.release_if_empty();
}

void H1RequestBody::pump() {
  if (pumping_ || sink_ == nullptr || complete_ || failed_) return;
  pumping_ = true;
  std::size_t budget = bytes_per_turn;
  while (push()) {
    const std::uint64_t before = received_;
    if (!fill()) break;
    const auto came = static_cast<std::size_t>(received_ - before);
    budget -= std::min(budget, came);
    if (budget > 0) continue;
    push();
    if (sink_ != nullptr && !complete_) transport_.again();
    break;
  }
  pumping_ = false;
  if (sink_ != nullptr && !complete_ && !failed_) sink_->flush();
}

// True: all that is here was taken, and there is more to come.
bool H1RequestBody::push() {
  for (;;) {
    if (sink_ == nullptr || failed_ || complete_) return false;
    const bool last = decoder_.done();
    if (payload_ > 0 || last) {
      if (last && !decoder_.trailers().empty()) sink_->trailers(decoder_.trailers());
      const std::size_t taken = sink_->write(buffer_.readable().substr(0, payload_), last);
      buffer_.consume(taken);
      payload_ -= taken;
      pushed_ += taken;
      if (payload_ > 0) {
        pace_.rest();  // the sink is full: the time that passes now is not the client's
        return false;
      }
      buffer_.consume(std::exchange(behind_, 0));
      if (!last) continue;
      complete_ = true;
      received_ -= buffer_.size();  // that is the next request
      pace_.rest();
      sink_ = nullptr;
      owner_.on_body_complete();
      return false;
    }
    if (buffer_.empty()) return true;
    const auto step = decoder_.unframe(buffer_.readable_bytes());
    if (!step) {
      fail(step.error());
      return false;
    }
    payload_ = step->payload.size();
    const std::size_t front =
        payload_ == 0 ? step->consumed
                      : static_cast<std::size_t>(step->payload.data() - buffer_.readable().data());
    behind_ = step->consumed - front - payload_;
    buffer_.consume(front);
    if (rules_.bytes_max != 0 && decoder_.payload_bytes() > rules_.bytes_max) {
      fail(trouble(Trouble::body_too_large));
      return false;
    }
  }
}

bool H1RequestBody::end_input() {
  ended_ = true;
  const auto end = decoder_.end_of_input();
  if (!end) fail(end.error());
  return static_cast<bool>(end);  // a tunnel: push() gives the last write
}

bool H1RequestBody::fill() {
  if (ended_) return end_input();
  if (!transport_.readable()) {
    wait();
    return false;
  }
  if (!buffer_.acquire()) {
    buffer_.pool().wait(waiter_);
    return false;
  }
  if (buffer_.empty()) {
    buffer_.clear();
    if (filled_) buffer_.grow_for_body(rules_.buffer_max);
  } else {
    buffer_.compact();
  }
  const std::size_t room = buffer_.writable().size();
  const Io io = transport_.read(buffer_.writable(), Want::more);
  switch (io.state) {
    case Io::State::bytes:
      buffer_.produce(io.bytes);
      received_ += io.bytes;
      pace_.moved(io.bytes);
      filled_ = io.bytes == room;
      pace_.rest();
      return true;
    case Io::State::again:
      buffer_.release_if_empty();
      wait();
      return false;
    case Io::State::eof: return end_input();
    case Io::State::error:
      ended_ = true;
      fail(trouble(Trouble::client_gone));
      return false;
  }
  return false;
}

// Bytes are owed by the client from now on. In a tunnel nobody owes anything: its idle time is the
// exchange's business.
void H1RequestBody::wait() {
  if (!tunnel_ && !ended_) pace_.wait();
}

void H1RequestBody::late(void* self, Pace::Late how) {
  static_cast<H1RequestBody*>(self)->fail(
      trouble(how == Pace::Late::silent ? Trouble::body_timeout : Trouble::body_too_slow));
}

void H1RequestBody::buffer_free(void* self) { static_cast<H1RequestBody*>(self)->pump(); }

}  // namespace weir
