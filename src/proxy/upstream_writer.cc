#include "proxy/upstream_writer.h"

#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace weir {

Result<UpstreamWriter::Begun> UpstreamWriter::begin(const RequestHead& head,
                                                    std::string_view target,
                                                    const Outgoing& outgoing) {
  assert(transport_ != nullptr && !begun_);
  const std::size_t bound = request_head_bytes(head, target, outgoing);
  if (bound > BufferPool::block_bytes_max) return Error{Side::self, "request head too large"};
  // A small head goes whatever the pool says: it may be what frees the buffer of a body.
  if (!head_.acquire(std::bit_ceil(std::max(bound, BufferPool::block_bytes_min))) &&
      (bound > BufferPool::reserve_bytes || !head_.acquire_reserve())) {
    return Begun::no_memory;
  }
  const auto size = write_request_head(head, target, outgoing, head_.writable());
  if (!size) {
    head_.release();
    return size.error();
  }
  head_.produce(*size);
  kind_ = outgoing.framing.kind;
  assert(kind_ != BodyKind::until_close && kind_ != BodyKind::tunnel);
  left_ = kind_ == BodyKind::length ? outgoing.framing.length : 0;
  ended_ = !outgoing.framing.has_body();
  begun_ = true;
  return Begun::yes;
}

void UpstreamWriter::trailers(const Fields& fields) {
  if (kind_ != BodyKind::chunked || ended_) return;
  trailer_text_.resize(last_chunk_bytes(fields));
  const auto size = write_last_chunk(fields, {trailer_text_.data(), trailer_text_.size()});
  trailer_text_.resize(size ? *size : 0);  // what can't be sent is dropped, as a trailer may be
}

std::string_view UpstreamWriter::end_text() const {
  return trailer_text_.empty() ? last_chunk : std::string_view(trailer_text_);
}

std::size_t UpstreamWriter::write(std::string_view bytes, bool last) {
  if (bytes.empty()) {
    end_asked_ = end_asked_ || last;
    send();
    return 0;
  }
  if (!wants_body()) return 0;
  std::size_t taken = 0;
  while (taken < bytes.size() && !blocked_ && !stopped_) {
    const std::string_view rest = bytes.substr(taken);
    if (kind_ == BodyKind::chunked && left_ == 0) {
      hold(ChunkHead(rest.size()).text());
      left_ = rest.size();
    }
    // The client's decoder has counted: there can't be more than was announced.
    assert(kind_ == BodyKind::chunked || rest.size() <= left_);
    const std::string_view piece =
        rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
    taken += put(piece, last && piece.size() == rest.size());
  }
  if (!blocked_) send();
  return taken;
}

// Nothing but what is held, and the end of the body where its source has said so.
void UpstreamWriter::send() {
  if (!begun_ || (blocked_ && !transport_->writable())) return;
  blocked_ = false;
  while (!blocked_ && !stopped_) {
    const bool last = end_asked_ && !ended_ && gate_open_;
    if (!holds() && !last) return;
    put({}, last);
  }
}

// One write of all there is: what is held, a piece of body, the CRLF behind its chunk, the end of
// the body. What the transport leaves of the framing is held; of the piece it stays the source's.
std::size_t UpstreamWriter::put(std::string_view piece, bool last) {
  const bool chunk_ends = kind_ == BodyKind::chunked && !piece.empty() && piece.size() == left_;
  const std::string_view behind = chunk_ends ? crlf : std::string_view();
  const std::string_view end = last && kind_ == BodyKind::chunked ? end_text() : last_;
  std::array<iovec, 5> parts;
  std::size_t count = 0;
  for (const std::string_view part : {head_.readable(), framing(), piece, behind, end}) {
    if (!part.empty()) parts[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  Io io = Io::moved(0);
  if (count > 0) io = transport_->write({parts.data(), count});
  std::size_t moved = io.state == Io::State::bytes ? io.bytes : 0;
  sent_ += moved;
  const auto eat = [&moved](std::size_t size) {
    const std::size_t eaten = std::min(moved, size);
    moved -= eaten;
    return eaten;
  };
  head_.consume(eat(head_.size()));
  head_.release_if_empty();
  small_begin_ = static_cast<std::uint8_t>(small_begin_ + eat(framing().size()));
  const std::size_t taken = eat(piece.size());
  taken_ += taken;
  left_ -= taken;
  if (taken == piece.size()) {
    hold(behind.substr(eat(behind.size())));
    last_ = end.substr(eat(end.size()));
    assert(!last || left_ == 0);
    ended_ = ended_ || last || (kind_ == BodyKind::length && left_ == 0);
  }
  blocked_ = io.state == Io::State::again;
  if (io.state == Io::State::error || io.state == Io::State::eof) {
    error_ = io.error;
    broken_ = stopped_ = true;
  }
  return taken;
}

// Room is certain: of earlier framing at most a CRLF is left when the next chunk's head comes.
void UpstreamWriter::hold(std::string_view text) {
  if (text.empty()) return;
  if (framing().empty()) small_begin_ = small_end_ = 0;
  assert(small_end_ + text.size() <= small_.size());
  std::memcpy(small_.data() + small_end_, text.data(), text.size());
  small_end_ = static_cast<std::uint8_t>(small_end_ + text.size());
}

}  // namespace weir
