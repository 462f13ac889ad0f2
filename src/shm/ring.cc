#include "shm/ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "shm/points.h"

namespace weir::shm {
namespace {

enum Kinds : std::uint8_t { line_kind = 1, filler_kind = 2 };

constexpr std::uint64_t align(std::uint64_t n) { return (n + 7) & ~std::uint64_t{7}; }

}  // namespace

// -- producer

RingWriter::RingWriter(Ring ring) : ring_(ring) {
  assert(std::has_single_bit(ring.data.size()));
  tail_ = ring.control->tail.load(std::memory_order_acquire);
}

// A predecessor may have been killed between any two stores; what it published is whole, and what
// it did not is overwritten. Aligning matters only if somebody scribbled over the ring.
std::uint64_t RingWriter::head() const {
  return align(ring_.control->head.load(std::memory_order_relaxed));
}

std::size_t RingWriter::room() const {
  const std::uint64_t waiting = head() - tail_;
  // A tail beyond the head is not ours to repair: full until the logger has skipped the damage.
  return waiting > ring_.data.size() ? 0 : ring_.data.size() - waiting;
}

std::span<char> RingWriter::reserve(Stream stream, std::size_t most) {
  assert(stream < stream_count && most > 0 && most <= line_bytes_max);
  const std::size_t size = ring_.data.size();
  const std::size_t offset = head() & (size - 1);
  const std::size_t wanted = sizeof(RecordHeader) + align(most);
  const std::size_t filler = size - offset < wanted ? size - offset : 0;
  if (room() < filler + wanted) {
    tail_ = ring_.control->tail.load(std::memory_order_acquire);
    if (room() < filler + wanted) {
      auto& dropped = ring_.control->dropped[stream];
      dropped.store(dropped.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      SHM_POINT(ring_dropped);
      reserved_ = 0;
      return {};
    }
  }
  at_ = head();
  if (filler != 0) {
    const RecordHeader header{static_cast<std::uint32_t>(filler - sizeof(RecordHeader)), 0, 0,
                              filler_kind};
    std::memcpy(ring_.data.data() + offset, &header, sizeof header);
    SHM_POINT(ring_wrap);
    at_ += filler;
  }
  stream_ = stream;
  reserved_ = most;
  std::byte* const line = ring_.data.data() + (at_ & (size - 1)) + sizeof(RecordHeader);
  return {reinterpret_cast<char*>(line), most};
}

void RingWriter::commit(std::size_t used, unsigned level) {
  assert(used <= reserved_);
  reserved_ = 0;
  if (used == 0) return;
  SHM_POINT(ring_bytes);
  std::byte* const record = ring_.data.data() + (at_ & (ring_.data.size() - 1));
  const RecordHeader header{static_cast<std::uint32_t>(used), stream_,
                            static_cast<std::uint8_t>(level), line_kind};
  std::memcpy(record, &header, sizeof header);
  SHM_POINT(ring_header);
  ring_.control->head.store(at_ + sizeof(RecordHeader) + align(used), std::memory_order_release);
  SHM_POINT(ring_published);
}

bool RingWriter::push(Stream stream, std::string_view line, unsigned level) {
  if (line.empty()) return true;
  const std::span<char> room = reserve(stream, std::min<std::size_t>(line.size(), line_bytes_max));
  if (room.empty()) return false;
  std::memcpy(room.data(), line.data(), room.size());
  // A line that had to be cut is still a line.
  if (room.size() < line.size()) room.back() = '\n';
  commit(room.size(), level);
  return true;
}

bool RingWriter::wants_drain() {
  if (head() - tail_ <= ring_.data.size() / 2) return false;
  tail_ = ring_.control->tail.load(std::memory_order_acquire);
  return head() - tail_ > ring_.data.size() / 2;
}

std::uint64_t RingWriter::dropped(Stream stream) const {
  assert(stream < stream_count);
  return ring_.control->dropped[stream].load(std::memory_order_relaxed);
}

// -- consumer

RingReader::Walk::Walk(Ring ring, std::uint64_t from, std::uint64_t limit)
    : ring_(ring), start_(from), at_(from), limit_(limit) {
  damaged_ = limit - from > ring.data.size() || from % 8 != 0 || limit % 8 != 0;
}

bool RingReader::Walk::next(Record& record) {
  while (!damaged_ && at_ != limit_) {
    const std::size_t offset = at_ & (ring_.data.size() - 1);
    const std::uint64_t room =
        std::min<std::uint64_t>(limit_ - at_, ring_.data.size() - offset);  // 8 at least
    RecordHeader header;  // read once: its producer may be changing it
    std::memcpy(&header, ring_.data.data() + offset, sizeof header);
    const std::uint64_t whole = sizeof header + align(header.bytes);
    const bool filler = header.kind == filler_kind && offset + whole == ring_.data.size();
    const bool line = header.kind == line_kind && header.bytes > 0 &&
                      header.bytes <= line_bytes_max && header.stream < stream_count;
    if (whole > room || (!filler && !line)) {
      damaged_ = true;
      return false;
    }
    at_ += whole;
    if (filler) continue;
    const std::byte* const bytes = ring_.data.data() + offset + sizeof header;
    record = {header.stream, header.level, {reinterpret_cast<const char*>(bytes), header.bytes}};
    return true;
  }
  return false;
}

// The tail first: where another process consumes it may pass a head that was read before.
RingReader::Walk RingReader::walk() const {
  const std::uint64_t from = tail();
  return {ring_, from, head()};
}
RingReader::Walk RingReader::walk_to(std::uint64_t limit) const { return {ring_, tail(), limit}; }
std::uint64_t RingReader::tail() const {
  return ring_.control->tail.load(std::memory_order_acquire);
}
std::uint64_t RingReader::head() const {
  return align(ring_.control->head.load(std::memory_order_acquire));  // as RingWriter does
}
void RingReader::advance(std::uint64_t to) {
  ring_.control->tail.store(to, std::memory_order_release);
}
void RingReader::skip_damage() {
  auto& damaged = ring_.control->damaged;
  damaged.store(damaged.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  advance(head());
}
std::uint64_t RingReader::damaged() const {
  return ring_.control->damaged.load(std::memory_order_relaxed);
}
std::uint64_t RingReader::dropped(Stream stream) const {
  assert(stream < stream_count);
  return ring_.control->dropped[stream].load(std::memory_order_relaxed);
}
void RingReader::count_lost(Stream stream, std::uint64_t lines) {
  assert(stream < stream_count);
  auto& lost = ring_.control->lost[stream];
  lost.store(lost.load(std::memory_order_relaxed) + lines, std::memory_order_relaxed);
}
std::uint64_t RingReader::lost(Stream stream) const {
  assert(stream < stream_count);
  return ring_.control->lost[stream].load(std::memory_order_relaxed);
}

// -- all rings

std::size_t RingTable::body_bytes(std::uint32_t ring_bytes) {
  assert(std::has_single_bit(ring_bytes) && ring_bytes >= ring_bytes_min);
  return page_bytes + std::size_t{slot_count} * (page_bytes + ring_bytes);
}

Result<RingTable> RingTable::format(const Zone& zone, std::uint32_t ring_bytes) {
  zone.get<RingsHead>()->ring_bytes = ring_bytes;
  return open(zone);
}

Result<RingTable> RingTable::open(const Zone& zone) {
  if (zone.body().size() < page_bytes) return Error{Side::self, "zone of rings is too small"};
  const std::uint64_t ring_bytes = zone.get<RingsHead>()->ring_bytes;
  if (!std::has_single_bit(ring_bytes) || ring_bytes < ring_bytes_min ||
      ring_bytes > (std::uint64_t{1} << 31) ||
      zone.body().size() != body_bytes(static_cast<std::uint32_t>(ring_bytes))) {
    return Error{Side::self, "zone of rings with an impossible ring size"};
  }
  RingTable table;
  table.zone_ = &zone;
  table.ring_bytes_ = ring_bytes;
  return table;
}

std::size_t RingTable::offset(std::uint32_t index) const {
  assert(index < slot_count);
  return page_bytes + index * (page_bytes + ring_bytes_);
}

Result<Ok> RingTable::back(std::uint32_t index) const {
  return zone_->back(offset(index), page_bytes + ring_bytes_);
}

Ring RingTable::ring(std::uint32_t index) const {
  const std::size_t at = offset(index);
  return {zone_->get<RingControl>(at), zone_->body().subspan(at + page_bytes, ring_bytes_)};
}

}  // namespace weir::shm
