// Segments: the memory for stored answers, a log that is written segment by segment, and the pins
// that keep a segment from being written anew.
//
//   free -> open -> sealed -> drain -> free
//
// Who reads publishes its pin and then looks whether the segment still is what its reference says;
// who empties a segment publishes `drain` and then looks for pins. All four are sequentially
// consistent, so one of the two sees the other. A pin counts readers and, apart from them, fills: a
// segment that a fill holds is not emptied.
#pragma once

#include "cache/layout.h"

namespace weir::cache {

enum class Stream : std::uint8_t { fresh, moved };

class Segments {
 public:
  explicit Segments(const Memory& memory) : memory_(memory) {}

  // Without the lock.
  SegmentWord word(std::uint32_t segment) const {
    return SegmentWord::of(memory_.states[segment].load(std::memory_order_seq_cst));
  }
  bool is_current(Ref ref) const {
    if (ref.segment() >= memory_.geometry.segments) return false;
    const SegmentWord it = word(ref.segment());
    return it.generation == ref.generation() && it.may_be_read();
  }
  // False: the segment is another's by now, and is not pinned.
  bool pin(Ref ref) const;
  void unpin(std::uint32_t segment) const;
  bool hold(std::uint32_t segment) const;  // for a fill; under the lock. False: too many
  void unhold(std::uint32_t segment) const;
  bool is_pinned(std::uint32_t segment) const;
  bool is_held(std::uint32_t segment) const;

  // The chunk at a reference, if it is of that kind and within its segment; nullptr otherwise.
  template <class T>
  T* chunk(Ref ref, Magic magic) const {
    void* const at = chunk_at(ref, sizeof(T));
    if (at == nullptr) return nullptr;
    T* const it = static_cast<T*>(at);
    const std::uint32_t room = memory_.geometry.segment_units - ref.place();
    return it->magic == magic && it->units <= room ? it : nullptr;
  }
  Head* head(Ref ref) const {
    Head* const it = chunk<Head>(ref, Magic::head);
    return it != nullptr && is_sound(*it, it->units) ? it : nullptr;
  }
  std::byte* bytes(Ref ref) const { return at(ref.segment(), ref.place()); }

  // Under the lock.
  // A raw chunk; nowhere: no free segment beyond the reserve (which moved chunks may use).
  Ref allocate(std::uint32_t units, Stream stream) const;
  void add_live(std::uint32_t segment, std::uint32_t units) const;
  void remove_live(std::uint32_t segment, std::uint32_t units) const;
  void drain(std::uint32_t segment) const;  // nothing refers to it
  void free_drained() const;                // those that nobody has pinned

 private:
  std::byte* at(std::uint32_t segment, std::uint32_t place) const {
    return memory_.data + segment * memory_.geometry.segment_bytes() +
           std::size_t{place} * unit_bytes;
  }
  void* chunk_at(Ref ref, std::size_t size) const;
  bool open(Stream stream) const;
  void set(std::uint32_t segment, SegmentWord word) const {
    memory_.states[segment].store(word.word(), std::memory_order_seq_cst);
  }

  const Memory& memory_;
};

}  // namespace weir::cache
