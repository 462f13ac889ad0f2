#include "proxy/h1_answer.h"

#include <algorithm>
#include <cassert>

#include "proxy/errors.h"

namespace weir {
namespace {

std::size_t bytes_in(std::span<const std::string_view> parts) {
  std::size_t sum = 0;
  for (const std::string_view part : parts) sum += part.size();
  return sum;
}

}  // namespace

void H1Answer::fail(Error why) {
  if (broken_) return;
  broken_ = true;
  error_ = why;
}

void H1Answer::add_pending(std::string_view text) {
  if (pending_.empty()) {
    pending_ = text;
    return;
  }
  pending_ = arena_.join({pending_, text});
  if (arena_.exhausted()) fail(no_head_room(arena_));
}

// Hands the parts to the transport as one write; returns how many bytes it took.
std::size_t H1Answer::send(std::span<const std::string_view> parts) {
  std::array<iovec, 6> vectors;  // a chunk has six parts, others parts_max and what is pending
  static_assert(parts_max + 1 <= std::tuple_size_v<decltype(vectors)>);
  std::size_t count = 0, total = 0;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    vectors[count++] = {const_cast<char*>(part.data()), part.size()};
    total += part.size();
  }
  if (total == 0) return 0;
  if (!transport_.writable()) {
    blocked_ = true;
    return 0;
  }
  const Io io = transport_.write(std::span<const iovec>(vectors.data(), count));
  switch (io.state) {
    case Io::State::bytes: break;
    case Io::State::again: blocked_ = true; return 0;
    case Io::State::eof:
    case Io::State::error: fail(io.error); return 0;
  }
  blocked_ = io.bytes < total;
  bytes_sent_ += io.bytes;
  const std::size_t own = std::min(io.bytes, pending_.size());
  pending_.remove_prefix(own);
  return io.bytes - own;
}

void H1Answer::interim(std::string_view text) {
  assert(phase_ == Phase::quiet);
  add_pending(text);
  flush();
}

bool H1Answer::begin(const ResponseHead& head, const Outgoing& outgoing, bool trailers) {
  assert(phase_ == Phase::quiet);
  const std::size_t most = response_head_bytes(head, outgoing);
  char* const room = arena_.allocate(most);
  if (room == nullptr) return false;
  const auto written = write_response_head(head, outgoing, std::span<char>(room, most));
  if (!written) return false;
  arena_.give_back(most - *written);
  head_ = {room, *written};
  add_pending(head_);
  framing_ = outgoing.framing;
  left_ = framing_.kind == BodyKind::length ? framing_.length : 0;
  trailers_ = trailers;
  phase_ = Phase::begun;
  return true;
}

void H1Answer::flush() {
  if (broken_) return;
  if (transport_.writable()) blocked_ = false;
  if (!pending_.empty()) {
    const std::string_view parts[] = {pending_};
    send(parts);
  }
  if (pending_.empty() && phase_ == Phase::ended) phase_ = Phase::sent;
}

void H1Answer::set_trailers(const Fields& fields) {
  if (framing_.kind != BodyKind::chunked || !trailers_ || fields.empty()) return;
  const std::size_t most = last_chunk_bytes(fields);
  char* const room = arena_.allocate(most);
  if (room == nullptr) return fail(no_head_room(arena_));
  const auto written = write_last_chunk(fields, std::span<char>(room, most));
  if (!written) return fail(written.error());
  last_chunk_ = {room, *written};
}

std::size_t H1Answer::write(std::span<const std::string_view> parts, bool last) {
  assert(phase_ == Phase::begun || phase_ == Phase::body);
  assert(!parts.empty() && parts.size() <= parts_max);
  if (broken_) return 0;
  phase_ = Phase::body;
  blocked_ = false;
  switch (framing_.kind) {
    case BodyKind::none:
    case BodyKind::length: return write_counted(parts, last);
    case BodyKind::chunked: break;
    case BodyKind::until_close:
    case BodyKind::tunnel: return write_raw(parts, last);
  }
  std::size_t taken = 0;
  for (std::size_t at = 0; at < parts.size(); ++at) {  // a chunk each
    const std::size_t now = write_chunked(parts[at], last && at + 1 == parts.size());
    taken += now;
    if (broken_ || now < parts[at].size()) break;
  }
  return taken;
}

// The source says how much will come before it comes; whatever else it then writes is not sent,
// because the client would take it for the next answer.
std::size_t H1Answer::write_counted(std::span<const std::string_view> parts, bool last) {
  const std::size_t bytes = bytes_in(parts);
  if (bytes > left_ || (last && bytes != left_)) {
    fail(trouble(bytes > left_ ? Trouble::answer_malformed : Trouble::answer_cut_short));
    return 0;
  }
  const std::size_t taken = write_raw(parts, last);
  left_ -= taken;
  return taken;
}

std::size_t H1Answer::write_raw(std::span<const std::string_view> parts, bool last) {
  std::array<std::string_view, parts_max + 1> all;
  all[0] = pending_;
  std::copy(parts.begin(), parts.end(), all.begin() + 1);
  const std::size_t taken = send({all.data(), parts.size() + 1});
  body_bytes_sent_ += taken;
  finish(taken == bytes_in(parts), last);
  return taken;
}

// Parts, in order: our pending text; what is left of the chunk whose size the client knows, and its
// CRLF; a new chunk of all the rest; the last chunk. Where the kernel stops decides what is
// remembered.
std::size_t H1Answer::write_chunked(std::string_view bytes, bool last) {
  const std::string_view old = bytes.substr(0, left_);
  if (last && old.size() < left_) {
    fail(trouble(Trouble::answer_cut_short));
    return 0;
  }
  const bool closes_old = left_ > 0 && old.size() == left_;
  const std::string_view rest = bytes.substr(old.size());
  const ChunkHead head(rest.empty() ? 1 : rest.size());
  const std::string_view end = last_chunk_.empty() ? last_chunk : last_chunk_;
  // The closing CRLF of the new chunk and the last chunk go along as one text, so that it can be
  // kept as one.
  std::string_view tail = rest.empty() ? std::string_view{} : crlf;
  if (last)
    tail = rest.empty() ? end : (last_chunk_.empty() ? "\r\n0\r\n\r\n" : arena_.join({crlf, end}));
  if (arena_.exhausted()) {
    fail(no_head_room(arena_));
    return 0;
  }
  const std::string_view nothing;
  const std::string_view parts[] = {
      pending_, old, closes_old ? crlf : nothing, rest.empty() ? nothing : head.text(), rest, tail};
  std::size_t sent = send(parts);
  if (broken_ || !pending_.empty()) return finish_empty(bytes, last, tail);

  const std::size_t from_old = std::min(sent, old.size());
  sent -= from_old;
  left_ -= from_old;
  body_bytes_sent_ += from_old;
  if (from_old < old.size()) return from_old;
  if (closes_old) {
    const std::size_t part = std::min(sent, crlf.size());
    sent -= part;
    if (part < crlf.size()) {
      pending_ = crlf.substr(part);
      if (!rest.empty()) return from_old;
      if (last) add_pending(tail);
      finish(true, last);
      return from_old;
    }
  }
  if (rest.empty()) {
    pending_ = tail.substr(std::min(sent, tail.size()));
    finish(true, last);
    return from_old;
  }
  const std::size_t of_head = std::min(sent, head.text().size());
  sent -= of_head;
  if (of_head == 0) return from_old;
  left_ = rest.size();
  if (of_head < head.text().size()) {
    const std::string_view remains = head.text().substr(of_head);
    std::copy(remains.begin(), remains.end(), small_.begin());
    pending_ = {small_.data(), remains.size()};
    return from_old;
  }
  const std::size_t from_rest = std::min(sent, rest.size());
  sent -= from_rest;
  left_ -= from_rest;
  body_bytes_sent_ += from_rest;
  if (from_rest < rest.size()) return from_old + from_rest;
  pending_ = tail.substr(sent);
  finish(true, last);
  return bytes.size();
}

// Nothing of the body went out. An empty last write is taken all the same: its framing waits here.
std::size_t H1Answer::finish_empty(std::string_view bytes, bool last, std::string_view tail) {
  if (broken_ || !bytes.empty() || !last) return 0;
  add_pending(tail);
  finish(true, true);
  return 0;
}

void H1Answer::finish(bool all_taken, bool last) {
  if (broken_ || !last || !all_taken) return;
  phase_ = pending_.empty() ? Phase::sent : Phase::ended;
}

}  // namespace weir
