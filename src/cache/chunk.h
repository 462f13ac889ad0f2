// Chunks: what segments hold, one after the other, each a multiple of 16 bytes that begins with its
// kind and its size.
//
//   head   facts, key, fields and tags of an object, then its body when that is small, or else the
//          table of its pieces
//   piece  a part of a larger body
//   table  the table of pieces of a body whose length was not known, once it outgrew the head
//   raw    allocated, and not yet any of these
//
// A chunk belongs to the object that the index has under its hash and that names it; there are no
// references the other way. Written once by who allocated it, outside of the lock, and published
// with the word that refers to it. What changes later is atomic and said so below.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cache/facts.h"
#include "shm/zone.h"

namespace weir::cache {

inline constexpr std::uint32_t unit_bytes = 16;
constexpr std::uint32_t units_for(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + unit_bytes - 1) / unit_bytes);
}

// Where a chunk is: generation of the segment, segment, place in it. 0: nowhere.
class Ref {
 public:
  static constexpr unsigned place_bits = 18, segment_bits = 18, generation_bits = 28;
  static constexpr std::uint32_t segments_most = 1U << segment_bits;

  constexpr Ref() = default;
  constexpr explicit Ref(std::uint64_t word) : word_(word) {}
  constexpr Ref(std::uint32_t generation, std::uint32_t segment, std::uint32_t place)
      : word_(std::uint64_t{generation} << (segment_bits + place_bits) |
              std::uint64_t{segment} << place_bits | place) {}

  constexpr std::uint64_t word() const { return word_; }
  constexpr explicit operator bool() const { return word_ != 0; }
  constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(word_ >> (segment_bits + place_bits));
  }
  constexpr std::uint32_t segment() const {
    return static_cast<std::uint32_t>(word_ >> place_bits) & (segments_most - 1);
  }
  constexpr std::uint32_t place() const {  // in units
    return static_cast<std::uint32_t>(word_) & ((1U << place_bits) - 1);
  }
  bool operator==(const Ref&) const = default;

 private:
  std::uint64_t word_ = 0;
};

// How much of a body is there and what becomes of it, in one word that says itself whether it is
// whole: 46 bits of bytes, 15 that check them, a soft purge, two of progress.
struct Body {
  enum class Progress : std::uint8_t { growing, complete, failed };
  static constexpr unsigned bytes_bits = 46, check_bits = 15;
  static constexpr std::uint64_t bytes_mask = (std::uint64_t{1} << bytes_bits) - 1;
  static constexpr std::uint64_t check_mask = (std::uint64_t{1} << check_bits) - 1;
  static constexpr std::uint64_t soft_bit = std::uint64_t{1} << (bytes_bits + check_bits);

  std::uint64_t bytes = 0;
  Progress progress = Progress::growing;
  bool soft = false;

  std::uint64_t word() const {
    return bytes | check_of(bytes, progress) << bytes_bits | (soft ? soft_bit : 0) |
           std::uint64_t{static_cast<std::uint8_t>(progress)} << 62;
  }
  static std::optional<Body> of(std::uint64_t word) {
    const Body body{word & bytes_mask, static_cast<Progress>(word >> 62), (word & soft_bit) != 0};
    if (body.progress > Progress::failed) return std::nullopt;
    if ((word >> bytes_bits & check_mask) != check_of(body.bytes, body.progress)) {
      return std::nullopt;
    }
    return body;
  }

 private:
  static std::uint64_t check_of(std::uint64_t bytes, Progress progress) {
    const std::uint64_t fold = bytes ^ bytes >> 15 ^ bytes >> 30 ^ bytes >> 45;
    return (fold ^ 0x2a5 ^ std::uint64_t{static_cast<std::uint8_t>(progress)} * 0x1111) &
           check_mask;
  }
};

enum class Magic : std::uint32_t {
  raw = 0x57415277,
  head = 0x64616548,
  piece = 0x63656950,
  table = 0x6c626154,
};

enum class Content : std::uint8_t { answer = 1, vary = 2 };

struct Head {
  Magic magic;
  std::uint32_t units;
  std::uint32_t head_sum;               // from `hash` to the end of the fields
  std::atomic<std::uint32_t> body_sum;  // of a body that is in the head, once it is complete
  std::atomic<std::uint64_t> body;      // Body
  std::uint64_t hash;
  std::uint64_t seq;
  std::uint64_t body_word;  // of this body alone; kept when facts and fields are written anew
  Facts facts;
  std::uint64_t length;  // of the whole body; length_unknown
  std::uint32_t fields_bytes;
  std::uint32_t inline_bytes;  // room for the body in this chunk
  std::uint16_t key_bytes;
  std::uint16_t tags;
  Content content;
  std::uint8_t in_pieces;  // 1: a PieceList follows instead of a body
  std::uint16_t reserved;
  // tags (u64 each), key, fields; then the body, or at the next multiple of 8 a PieceList
};
static_assert(shm::Shared<Head> && sizeof(Head) == 136 && offsetof(Head, hash) == 24);
inline constexpr std::uint64_t length_unknown = ~std::uint64_t{0};

// One part of a body. Moved by the cleaner under the lock, else written once.
struct Piece {
  std::atomic<std::uint64_t> ref;
  std::atomic<std::uint32_t> bytes;  // 0: it is being filled
  std::atomic<std::uint32_t> sum;
};
static_assert(shm::Shared<Piece> && sizeof(Piece) == 16);

struct PieceList {
  std::atomic<std::uint64_t> table;   // ref of a table chunk that stands in for what follows
  std::atomic<std::uint32_t> pieces;  // how many there are
  std::uint32_t capacity;             // of the table here
  std::uint32_t body_seq;             // what the pieces of this body carry
  std::uint32_t reserved;
  // Piece[capacity]
};
static_assert(shm::Shared<PieceList> && sizeof(PieceList) == 24);

// In front of a piece and of a table.
struct Part {
  Magic magic;
  std::uint32_t units;
  std::uint64_t hash;
  std::uint32_t body_seq;
  std::uint32_t number;  // which piece; of a table: its capacity
  std::uint64_t reserved;
};
static_assert(shm::Shared<Part> && sizeof(Part) == 32);

struct Chunk {  // what all begin with
  Magic magic;
  std::uint32_t units;
};

// The sizes of a head, all of its variable part. Nothing here is bounds-checked: see is_sound().
inline std::size_t text_end(const Head& head) {
  return sizeof(Head) + head.tags * std::size_t{8} + head.key_bytes + head.fields_bytes;
}
inline std::size_t list_at(const Head& head) { return (text_end(head) + 7) & ~std::size_t{7}; }
inline const char* bytes_of(const Head& head) { return reinterpret_cast<const char*>(&head); }
inline const std::uint64_t* tags_of(const Head& head) {
  return reinterpret_cast<const std::uint64_t*>(bytes_of(head) + sizeof(Head));
}
inline std::string_view key_of(const Head& head) {
  return {bytes_of(head) + sizeof(Head) + head.tags * std::size_t{8}, head.key_bytes};
}
inline std::string_view fields_of(const Head& head) {
  return {key_of(head).data() + head.key_bytes, head.fields_bytes};
}
inline const char* inline_body(const Head& head) { return bytes_of(head) + text_end(head); }
inline PieceList& list_of(Head& head) {
  return *reinterpret_cast<PieceList*>(reinterpret_cast<char*>(&head) + list_at(head));
}
inline const PieceList& list_of(const Head& head) { return list_of(const_cast<Head&>(head)); }
inline Piece* own_pieces(PieceList& list) { return reinterpret_cast<Piece*>(&list + 1); }
inline Piece* table_pieces(Part& part) { return reinterpret_cast<Piece*>(&part + 1); }
inline const char* piece_bytes(const Part& part) {
  return reinterpret_cast<const char*>(&part + 1);
}

// How many units each takes. A piece counts as what it holds: what was allocated in excess is dead.
inline std::uint32_t piece_units(std::uint32_t bytes) { return units_for(sizeof(Part) + bytes); }
inline std::uint32_t table_units(std::uint32_t capacity) {
  return units_for(sizeof(Part) + std::size_t{capacity} * sizeof(Piece));
}

std::uint32_t checksum(std::string_view bytes);
std::uint64_t checksum64(std::string_view bytes);
std::uint32_t head_checksum(const Head& head);

// The sizes that the head names lie within its chunk, which lies within `units_most`.
bool is_sound(const Head& head, std::uint32_t units_most);

}  // namespace weir::cache
