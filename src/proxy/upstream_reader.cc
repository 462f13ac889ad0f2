#include "proxy/upstream_reader.h"

#include <algorithm>
#include <cassert>

namespace weir {

UpstreamReader::UpstreamReader(BufferPool& pool, const Limits& limits, std::size_t buffer_max)
    : buffer_(pool), limits_(limits), buffer_max_(BufferPool::block_within(buffer_max)) {}

bool UpstreamReader::make_room() {
  if (in_body_ && buffer_.empty() && buffer_.capacity() < size_wanted_) {
    buffer_.release();
    // A pool that is short of large blocks may still have a small one.
    if (!buffer_.acquire(size_wanted_)) size_wanted_ = BufferPool::block_bytes_min;
  }
  if (!buffer_.acquire_reserve()) return false;
  if (buffer_.writable().empty()) buffer_.compact();
  return !buffer_.writable().empty() || buffer_.grow();  // a head may be larger than a block
}

UpstreamReader::Filled UpstreamReader::fill(Transport& transport) {
  assert(!in_body_ || rest().empty());
  if (!make_room()) return Filled::no_memory;
  const std::span<char> room = buffer_.writable();
  const Io io = transport.read(room, want_);
  switch (io.state) {
    case Io::State::bytes:
      buffer_.produce(io.bytes);
      received_ += io.bytes;
      filled_whole_ = io.bytes == room.size();
      want_ = Want::more;  // a reset may hide behind a short read of an unfinished answer
      return Filled::bytes;
    case Io::State::again: buffer_.release_if_empty(); return Filled::again;
    case Io::State::eof: return Filled::eof;
    case Io::State::error: error_ = io.error; return Filled::error;
  }
  return Filled::error;
}

Result<std::string_view> UpstreamReader::find_head() {
  const auto size = find_head_end(buffer_.readable(), scan_, limits_);
  if (!size) return size.error();
  head_size_ = *size;
  return buffer_.readable().substr(0, head_size_);
}

void UpstreamReader::drop_head() {
  buffer_.consume(head_size_);
  if (buffer_.empty()) buffer_.clear();
  head_size_ = 0;
  scan_ = HeadScan{HeadKind::response};
}

void UpstreamReader::start_body(const BodyFraming& framing) {
  kind_ = framing.kind;
  decoder_.start(framing, limits_, Side::upstream);
  in_body_ = true;
  at_ = 0;
}

Result<UpstreamReader::Passed> UpstreamReader::pass(BodySink& sink) {
  for (;;) {
    if (pending_.empty() && !decoder_.done() && !rest().empty()) {
      const auto step = decoder_.unframe(buffer_.readable_bytes().subspan(at_));
      if (!step) return step.error();
      at_ += step->consumed;
      pending_ = step->payload;
    }
    const bool last = decoder_.done();  // the end of the body travels with its last bytes
    if (pending_.empty() && !last) {
      buffer_.clear();
      at_ = 0;
      if (filled_whole_)
        size_wanted_ =
            std::min(buffer_max_, std::max(size_wanted_, BufferPool::growth * buffer_.capacity()));
      filled_whole_ = false;
      return Passed::drained;
    }
    if (last && !trailers_told_ && !decoder_.trailers().empty()) {
      trailers_told_ = true;
      sink.trailers(decoder_.trailers());
    }
    if (stopped_) return Passed::full;
    const std::size_t taken = sink.write(pending_, last);
    assert(taken <= pending_.size());
    pending_.remove_prefix(taken);
    if (!pending_.empty()) {
      size_wanted_ = std::max(BufferPool::block_bytes_min, size_wanted_ / 2);
      filled_whole_ = false;
      return Passed::full;
    }
    if (last) return Passed::done;
  }
}

}  // namespace weir
