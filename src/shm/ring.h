// Log rings: one ring of bytes per slot, from the process of that slot (producer) to the logger
// (consumer). A line is written into the ring in place and published with one store; nothing
// blocks.
//
//   data:  ... | consumed | record record record | free ...      positions only grow; index = mod
//   size
//                         ^tail (consumer)       ^head (producer)
//
// A record is {bytes:32, stream:16, level:8, kind:8}, the bytes, and padding to 8; it never wraps:
// a filler takes the rest of the buffer. A full ring drops the line and counts it per stream.
//
// What the death of a process means. Producer: a line that was not committed is not there; the next
// owner of the slot continues the ring, so a ring needs no cleaning. Consumer: see WriteIntent. The
// consumer trusts nothing it reads: a record with an impossible length ends the batch, everything
// up to the head is skipped and counted as damaged.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "shm/slots.h"
#include "shm/zone.h"

namespace weir::shm {

inline constexpr std::uint32_t line_bytes_max = 8192;  // with its newline
inline constexpr std::uint32_t ring_bytes_default = 1U << 20;
inline constexpr std::uint32_t ring_bytes_min = 64U << 10;
inline constexpr std::uint32_t stream_count =
    64;  // streams (log files) an instance may have at once

using Stream = std::uint16_t;

struct RecordHeader {
  std::uint32_t bytes;
  std::uint16_t stream;
  std::uint8_t level;
  std::uint8_t kind;
};
static_assert(sizeof(RecordHeader) == 8);

// What the logger is about to write, so that its successor can tell what a killed logger did. Valid
// while `from` equals the ring's tail. Streams below `done` are written; `armed` is one more than
// the stream whose file (`file_id`) had `size_before` bytes before the write, and counts only
// when it is greater than `done`.
struct WriteIntent {
  std::atomic<std::uint64_t> from, to;
  std::atomic<std::uint64_t> done, armed;
  std::atomic<std::uint64_t> size_before, file_id;
};

struct RingControl {
  alignas(64) std::atomic<std::uint64_t> head;  // producer
  alignas(64) std::atomic<std::uint64_t> tail;  // consumer
  std::atomic<std::uint64_t> damaged;           // consumer: times that it had to skip
  alignas(64) WriteIntent intent;               // consumer
  alignas(64) std::atomic<std::uint64_t> dropped[stream_count];  // producer: lines, by stream
  alignas(64) std::atomic<std::uint64_t> lost[stream_count];  // consumer: lines it couldn't write
};
static_assert(Shared<RingControl> && sizeof(RingControl) <= page_bytes);

struct RingsHead {
  std::uint64_t ring_bytes;  // a power of two; the same for all rings
  std::uint64_t reserved[7];
};
inline constexpr Kind rings_kind{
    "rings", 1,
    layout_hash({slot_count, stream_count, line_bytes_max, sizeof(RecordHeader),
                 sizeof(RingControl), offsetof(RingControl, tail), offsetof(RingControl, intent),
                 offsetof(RingControl, dropped), offsetof(RingControl, lost)})};

// One ring: control words and data, wherever they are mapped.
struct Ring {
  RingControl* control = nullptr;
  std::span<std::byte> data;  // size is a power of two
};

// The producer: reserve, write the line, commit; or push() a complete line. A process may have more
// than one (its error lines and its access lines), as long as no push begins between a reserve and
// its commit: the position is in the ring and not in here.
class RingWriter {
 public:
  explicit RingWriter(Ring ring);  // continues where the last owner of the slot left off

  // Room for one line of up to `most` bytes, contiguous; empty when the ring is full: the line is
  // then dropped and counted. Valid until commit() or the next reserve().
  std::span<char> reserve(Stream stream, std::size_t most = line_bytes_max);
  // Publishes the first `used` bytes of the reservation as one line. 0: nothing is published.
  void commit(std::size_t used, unsigned level = 0);

  bool push(Stream stream, std::string_view line, unsigned level = 0);

  // More than half is waiting: the logger should be woken now and not at its next poll.
  bool wants_drain();
  std::uint64_t dropped(Stream stream) const;

 private:
  std::uint64_t head() const;
  std::size_t room() const;

  Ring ring_;
  std::uint64_t tail_;        // last seen
  std::uint64_t at_ = 0;      // position of the reservation
  std::size_t reserved_ = 0;  // its bytes
  Stream stream_ = 0;
};

// The consumer.
class RingReader {
 public:
  explicit RingReader(Ring ring) : ring_(ring) {}

  struct Record {
    Stream stream;
    std::uint8_t level;
    std::string_view line;  // in the ring: copy before use, its producer may be malicious
  };
  // A walk over whole records from the tail; nothing is consumed by it.
  class Walk {
   public:
    bool next(Record& record);  // false: nothing more below `limit`, or damage
    std::uint64_t start() const { return start_; }
    std::uint64_t position() const { return at_; }
    bool damaged() const { return damaged_; }

   private:
    friend class RingReader;
    Walk(Ring ring, std::uint64_t from, std::uint64_t limit);
    Ring ring_;
    std::uint64_t start_, at_, limit_;
    bool damaged_ = false;
  };
  Walk walk() const;                        // up to the head as it is now
  Walk walk_to(std::uint64_t limit) const;  // up to a position

  std::uint64_t tail() const;
  std::uint64_t head() const;
  void advance(std::uint64_t to);  // the room below `to` is the producer's again
  void skip_damage();              // forget all that is published, and count it
  std::uint64_t damaged() const;
  std::uint64_t dropped(Stream stream) const;
  void count_lost(Stream stream, std::uint64_t lines);
  std::uint64_t lost(Stream stream) const;
  WriteIntent& intent() { return ring_.control->intent; }

 private:
  Ring ring_;
};

// All rings of an instance. The memory of a ring is reserved when its slot is claimed the first
// time.
class RingTable {
 public:
  RingTable() = default;

  static std::size_t body_bytes(std::uint32_t ring_bytes);
  // Creator only, before the first use.
  static Result<RingTable> format(const Zone& zone, std::uint32_t ring_bytes);
  // A zone of somebody else: is its size what its head says?
  static Result<RingTable> open(const Zone& zone);

  Result<Ok> back(std::uint32_t index) const;  // before the process of that slot may use it
  Ring ring(std::uint32_t index) const;

 private:
  std::size_t offset(std::uint32_t index) const;
  const Zone* zone_ = nullptr;
  std::size_t ring_bytes_ = 0;
};

}  // namespace weir::shm
