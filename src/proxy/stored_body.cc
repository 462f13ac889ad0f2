#include "proxy/stored_body.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "proxy/errors.h"

namespace weir {

using Progress = cache::Reader::Progress;

StoredBody::StoredBody(Loop& loop, StoredBodyOwner& owner)
    : owner_(owner),
      again_(
          loop, [](void* self) { static_cast<StoredBody*>(self)->pump(true); }, this) {}

void StoredBody::start(cache::Reader& reader, std::span<const Part> parts, BodySink& sink) {
  whole_.reader = &reader;
  start(whole_, parts, sink);
}

void StoredBody::start(StoredBytes& bytes, std::span<const Part> parts, BodySink& sink) {
  assert(!parts.empty() && sink_ == nullptr);
  bytes_ = &bytes;
  parts_ = parts;
  part_ = parts_.front();
  at_ = part_.from;
  sink_ = &sink;
  sink_->set_source(this);
  pump(false);
}

void StoredBody::stop() {
  again_.cancel();
  if (sink_ != nullptr) std::exchange(sink_, nullptr)->set_source(nullptr);
}

void StoredBody::more() {
  if (sink_ != nullptr && !full_ && !again_.scheduled()) pump(true);
}

void StoredBody::resume() {
  full_ = false;
  if (!again_.scheduled()) pump(true);
}

void StoredBody::pump(bool flushes) {
  const std::uint64_t budget_end = at_ + bytes_per_turn_max;
  Step step = Step::next;
  while (sink_ != nullptr && step == Step::next) {
    if (at_ >= budget_end && part_.from < at_) return again_.schedule();  // others want their turn
    step = give();
  }
  // A sink that is full holds back nothing; one that waits for us may hold the head.
  if (flushes && step == Step::waits && sink_ != nullptr) sink_->flush();
}

StoredBody::Step StoredBody::give() {
  if (!part_.text.empty()) return give_text(part_);
  const std::uint64_t end = std::min(part_.to, bytes_->length().value_or(part_.to));
  if (at_ >= end) return finish_part();
  std::string_view bytes = bytes_->read(at_);
  if (bytes.empty()) {
    if (bytes_->damaged()) return fail();
    const Progress progress = bytes_->progress();
    // Another process may have brought the rest meanwhile.
    if (progress != Progress::growing) bytes = bytes_->read(at_);
    if (bytes.empty()) return give_nothing(progress);
  }
  // What lies in several places goes out at once, as far as it is there.
  std::array<std::string_view, BodySink::parts_max> pieces;
  std::size_t count = 0;
  const std::uint64_t together = std::min(end, bytes_->pinned_until(at_));
  std::uint64_t to = at_;
  while (!bytes.empty() && count < BodySink::parts_max) {
    pieces[count] =
        bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - to)));
    to += pieces[count++].size();
    bytes = to < together ? bytes_->read(to) : std::string_view();
  }
  const bool last = is_last() && to == end && bytes_->may_end();
  const std::size_t taken = sink_->write_parts({pieces.data(), count}, last);
  if (sink_ == nullptr) return Step::ended;  // the client is gone
  full_ = at_ + taken < to;
  at_ += taken;
  if (full_) return Step::blocked;
  if (!last) return Step::next;
  stop();
  return Step::ended;
}

StoredBody::Step StoredBody::give_nothing(Progress progress) {
  if (bytes_->damaged()) return fail();
  switch (progress) {
    case Progress::growing: return Step::waits;
    case Progress::complete: return part_.to == to_the_end ? finish_part() : fail();
    case Progress::failed: break;
  }
  stop();
  owner_.on_stored_end(at_);
  return Step::ended;
}

StoredBody::Step StoredBody::give_text(Part& part) {
  const bool last = is_last() && part.from == part.to && bytes_->may_end();
  const std::size_t taken = sink_->write(part.text, last);
  if (sink_ == nullptr) return Step::ended;
  part.text.remove_prefix(taken);
  full_ = !part.text.empty();
  if (full_) return Step::blocked;
  if (!last) return Step::next;
  stop();
  return Step::ended;
}

StoredBody::Step StoredBody::finish_part() {
  if (is_last()) {
    if (!bytes_->may_end()) return Step::waits;
    // What ended was not known to be the end when it was given; or there is no body.
    sink_->write({}, true);
    stop();
    return Step::ended;
  }
  parts_ = parts_.subspan(1);
  part_ = parts_.front();
  at_ = part_.from;
  return Step::next;
}

// Never a wrong byte: the client sees that it is not whole.
StoredBody::Step StoredBody::fail() {
  again_.cancel();
  BodySink& sink = *std::exchange(sink_, nullptr);
  sink.set_source(nullptr);
  sink.abort(trouble(Trouble::stored_damaged));
  return Step::ended;
}

}  // namespace weir
