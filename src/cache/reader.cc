#include <algorithm>

#include "cache/cores.h"

namespace weir::cache {

Reader::Reader(Reader&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
Reader& Reader::operator=(Reader&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->inner->give_back(core_);
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}
Reader::~Reader() {
  if (core_ != nullptr) core_->inner->give_back(core_);
}

const Facts& Reader::facts() const { return core_->head->facts; }
std::string_view Reader::fields() const { return fields_of(*core_->head); }
std::uint64_t Reader::stored_seq() const { return core_->head->seq; }
std::uint64_t Reader::body_word() const { return core_->head->body_word; }
std::span<const std::uint64_t> Reader::tags() const {
  return {tags_of(*core_->head), core_->head->tags};
}

bool Reader::soft_purged() const {
  const auto body = Body::of(core_->head->body.load(std::memory_order_acquire));
  return (body && body->soft) || core_->inner->purges.judge(*core_->head) != Purges::Verdict::stays;
}

Reader::Progress Reader::progress() const {
  if (!core_->complete && !core_->failed) core_->look();
  if (core_->failed || core_->damaged) return Progress::failed;
  return core_->complete ? Progress::complete : Progress::growing;
}

std::uint64_t Reader::body_bytes() const {
  if (!core_->complete && !core_->failed) core_->look();
  return core_->bytes;
}

std::optional<std::uint64_t> Reader::length() const {
  if (core_->complete) return core_->bytes;
  if (core_->head->length == length_unknown) return std::nullopt;
  return core_->head->length;
}

std::string_view Reader::read(std::uint64_t at) { return core_->read(at); }
bool Reader::damaged() const { return core_->damaged; }

std::uint32_t pieces_checksum(std::span<Piece> pieces, std::uint64_t bytes) {
  std::uint64_t sum = bytes;
  for (const Piece& piece : pieces) {
    const std::uint64_t words[] = {
        sum, std::uint64_t{piece.bytes.load(std::memory_order_relaxed)} << 32 |
                 piece.sum.load(std::memory_order_relaxed)};
    sum = checksum({reinterpret_cast<const char*>(words), sizeof words});
  }
  return static_cast<std::uint32_t>(sum);
}

// --- its core

bool Reader::Core::spoil() {
  damaged = true;
  count(inner->memory.control->damaged);
  return false;
}

void Reader::Core::reset() {
  for (const std::uint32_t segment : pinned) inner->segments.unpin(segment);
  pinned.clear();
  parts.clear();
  complete = failed = damaged = inline_checked = false;
  bytes = 0;
  last = 0;
  table = Ref();
  head = lister = nullptr;
}

// Each segment once.
bool Reader::Core::pin(Ref where) {
  if (std::find(pinned.rbegin(), pinned.rend(), where.segment()) != pinned.rend()) {
    return inner->segments.word(where.segment()).generation == where.generation();
  }
  if (!inner->segments.pin(where)) return false;
  pinned.push_back(where.segment());
  return true;
}

bool Reader::Core::add_part(Piece& piece, std::uint32_t number) {
  const Ref where(piece.ref.load(std::memory_order_acquire));
  if (!pin(where)) return false;
  const auto* const part = inner->segments.chunk<weir::cache::Part>(where, Magic::piece);
  if (part == nullptr || part->hash != head->hash || part->number != number ||
      part->body_seq != list_of(*head).body_seq) {
    return spoil();
  }
  const std::uint64_t start = parts.empty() ? 0 : parts.back().start + parts.back().bytes;
  parts.push_back({piece_bytes(*part), start, 0, 0, false, false});
  return true;
}

// What grew while it was read may be complete and moved before all of it was pinned: then the head
// in the index knows where.
bool Reader::Core::go_to_current() {
  const std::uint32_t number = inner->index.find(head->hash);
  const Ref now = number == nothing ? Ref() : inner->index.ref(number);
  if (!now || !pin(now)) return false;
  Head* const other = inner->sound_head(now, head->hash);
  if (other == nullptr || other == lister || other->in_pieces == 0 ||
      list_of(*other).body_seq != list_of(*head).body_seq) {
    return false;
  }
  lister = other;
  return true;
}

// The parts that came, and what is known now of those that were there.
bool Reader::Core::add_parts(const Body& body) {
  if (const Ref now = Objects::table_of(*lister); now != table) {
    if (!pin(now)) return false;
    table = now;
  }
  const auto pieces = inner->objects.pieces_of(*lister);
  if (!pieces) return spoil();
  const bool is_complete = body.progress == Body::Progress::complete;
  for (std::size_t i = parts.empty() ? 0 : parts.size() - 1; i < pieces->size(); ++i) {
    Piece& piece = (*pieces)[i];
    if (i >= parts.size() && !add_part(piece, static_cast<std::uint32_t>(i))) return false;
    Part& part = parts[i];
    part.is_final = is_complete || i + 1 < pieces->size();
    if (part.is_final) {
      part.bytes = piece.bytes.load(std::memory_order_relaxed);
      part.sum = piece.sum.load(std::memory_order_relaxed);
    } else {
      part.bytes =
          static_cast<std::uint32_t>(body.bytes > part.start ? body.bytes - part.start : 0);
    }
    const weir::cache::Part& chunk = *(reinterpret_cast<const weir::cache::Part*>(part.at) - 1);
    if (part.bytes > chunk.units * std::uint64_t{unit_bytes} - sizeof chunk) return spoil();
  }
  return true;
}

bool Reader::Core::is_whole(const Body& body) {
  if (head->in_pieces == 0) {
    return body.bytes <= head->inline_bytes &&
           (head->length == length_unknown || head->length == body.bytes);
  }
  const auto pieces = inner->objects.pieces_of(*lister);
  const std::uint64_t sum = parts.empty() ? 0 : parts.back().start + parts.back().bytes;
  return pieces && pieces->size() == parts.size() && sum == body.bytes &&
         pieces_checksum(*pieces, body.bytes) == body_sum;
}

bool Reader::Core::look() {
  if (damaged) return false;
  const auto body = Body::of(head->body.load(std::memory_order_seq_cst));
  if (!body) return spoil();
  if (head->in_pieces != 0 && !add_parts(*body)) {
    const bool grew = !parts.empty() && body->progress == Body::Progress::complete;
    if (damaged || !grew || !go_to_current() || !add_parts(*body)) {
      failed = true;
      return false;
    }
  }
  if (head->in_pieces == 0 && body->bytes > head->inline_bytes) return spoil();
  bytes = body->bytes;
  failed = body->progress == Body::Progress::failed;
  if (body->progress != Body::Progress::complete) return true;
  body_sum = head->body_sum.load(std::memory_order_relaxed);
  if (!is_whole(*body)) return spoil();
  complete = true;
  return true;
}

std::string_view Reader::Core::read(std::uint64_t at) {
  if (damaged) return {};
  if (!complete && !failed && !look()) return {};
  if (head->in_pieces == 0) return read_inline(at);
  if (parts.empty()) return {};
  if (last >= parts.size() || at < parts[last].start) last = 0;
  while (last + 1 < parts.size() && at >= parts[last].start + parts[last].bytes) ++last;
  return read_part(parts[last], at);
}

// What still grows has no checksum yet; what has one is compared with it once.
std::string_view Reader::Core::read_inline(std::uint64_t at) {
  const std::string_view body(inline_body(*head), static_cast<std::size_t>(bytes));
  if (complete && !inline_checked && checksum(body) != body_sum) {
    spoil();
    return {};
  }
  inline_checked = complete;
  return at < body.size() ? body.substr(static_cast<std::size_t>(at)) : std::string_view();
}

std::string_view Reader::Core::read_part(Part& part, std::uint64_t at) {
  const std::string_view bytes_here(part.at, part.bytes);
  if (at < part.start || at - part.start >= part.bytes) return {};
  if (part.is_final && !part.is_checked && checksum(bytes_here) != part.sum) {
    spoil();
    return {};
  }
  part.is_checked = part.is_final;
  return bytes_here.substr(static_cast<std::size_t>(at - part.start));
}

}  // namespace weir::cache
