// Zone: shared memory with a name. A sealed memfd whose first page says what it holds.
//
// The master creates every zone before it forks and keeps it over reloads; children inherit the
// mapping. attach() is for processes that got the descriptor in another way (`weir --check-zones`):
// it trusts nothing and validates every field of the header. A zone is addressed by offset, never
// by pointer; types that live in one are standard layout, have no destructor and hold lock-free
// atomics only. What may be written by whom is said where the type is declared.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "os/fd.h"
#include "os/memfd.h"

namespace weir::shm {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t header_bytes = page_bytes;

using Id128 = std::array<std::uint8_t, 16>;

// What kind of zone: attach() refuses a zone whose kind differs in any member.
struct Kind {
  std::string_view name;  // at most 15 bytes
  std::uint32_t layout_version;
  std::uint64_t layout_hash;  // over sizes and offsets: see layout_hash()
};

// FNV-1a over the facts that make a layout: sizes, offsets, counts.
constexpr std::uint64_t layout_hash(std::initializer_list<std::uint64_t> facts) {
  std::uint64_t hash = 14695981039346656037U;
  for (std::uint64_t fact : facts) {
    for (int byte = 0; byte < 8; ++byte) {
      hash = (hash ^ (fact & 0xff)) * 1099511628211U;
      fact >>= 8;
    }
  }
  return hash;
}

struct ZoneHeader {
  std::array<char, 8> magic;
  std::uint32_t layout_version;
  std::uint32_t header_bytes;
  std::array<char, 16> name;  // zero-padded
  std::uint64_t layout_hash;
  std::uint64_t zone_bytes;  // header and body
  Id128 boot_id;             // of the machine: monotonic times in a zone mean nothing after a boot
  Id128 instance;            // the same in all zones of one instance
  std::int64_t created_ns;   // monotonic
  Id128 hash_secret;         // key for hashes of what clients send
};
static_assert(std::is_standard_layout_v<ZoneHeader> && std::is_trivially_copyable_v<ZoneHeader>);
static_assert(sizeof(ZoneHeader) == 104 && sizeof(ZoneHeader) <= header_bytes);

template <class T>
concept Shared = std::is_standard_layout_v<T> && std::is_trivially_destructible_v<T>;

class Zone {
 public:
  Zone() = default;

  // A zone filled with zeroes of which the first `backed` bytes of the body are reserved now; the
  // rest must be reserved with back() before it is touched. With Access::read_only for children,
  // this process alone can write (owned()), and what children inherit is not writable for good.
  static Result<Zone> create(const Kind& kind, std::size_t body_bytes, std::size_t backed,
                             const Id128& instance, Access for_children = Access::read_write);

  // Takes the descriptor; maps it only after the header was read and found right.
  static Result<Zone> attach(Fd fd, const Kind& kind, Access access);

  const ZoneHeader& header() const { return *at<ZoneHeader>(mapping_, 0); }
  std::span<std::byte> body() const { return mapping_.bytes().subspan(header_bytes); }
  int fd() const { return fd_.get(); }
  Result<Ok> back(std::size_t body_offset, std::size_t size) const;

  // The object at an offset of the body; a programmer's error when it does not fit.
  template <Shared T>
  T* get(std::size_t body_offset = 0) const {
    return at<T>(mapping_, header_bytes + body_offset);
  }
  // The same in the writable mapping that only the creator of a read-only zone has.
  template <Shared T>
  T* owned(std::size_t body_offset = 0) const {
    return at<T>(private_mapping_, header_bytes + body_offset);
  }
  bool has_owned() const { return static_cast<bool>(private_mapping_); }

 private:
  template <Shared T>
  static T* at(const Mapping& mapping, std::size_t offset) {
    const auto bytes = mapping.bytes();
    assert(offset % alignof(T) == 0 && offset <= bytes.size() &&
           sizeof(T) <= bytes.size() - offset);
    return reinterpret_cast<T*>(bytes.data() + offset);
  }

  Fd fd_;
  Mapping mapping_;
  Mapping private_mapping_;
};

// What validation finds wrong in a header, in one place for attach() and the checker.
Result<Ok> validate(const ZoneHeader& header, const Kind& kind, std::size_t size);

Id128 random_id();  // 16 bytes of the kernel's random generator

}  // namespace weir::shm
