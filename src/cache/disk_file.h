// What a file of the disk tier holds, as bytes and back. Pure.
//
//   head:   magic, version, sizes and a checksum over all of it; what is known of the answer; then
//           tags, key, fields and the table of the pieces of its body
//   body:   piece after piece, each with its checksum in the table, to the end of the file
//
// Nothing of a file is used before its checksum was compared; what is torn, damaged, longer or
// shorter than it says, or another program's, is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/chunk.h"
#include "cache/facts.h"
#include "shm/zone.h"

namespace weir::cache {

struct DiskPiece {
  std::uint64_t sum = 0;
  std::uint32_t bytes = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(DiskPiece) == 16);

// Views are into the head they were read from.
struct DiskObject {
  std::uint64_t seq = 0;
  shm::Id128 zone{};  // that gave it its seq
  Facts facts{};
  std::uint64_t body_word = 0;  // 0: written before there were any
  Content content = Content::answer;
  bool soft = false;  // soft purged
  std::string_view key{}, fields{};
  std::vector<std::uint64_t> tags{};
  std::vector<DiskPiece> pieces{};
  std::uint64_t body_bytes() const;
};

inline constexpr std::size_t disk_head_least = 192;
inline constexpr std::size_t disk_head_most = 4U << 20;
inline constexpr std::uint32_t disk_piece_most = 1U << 20;

std::string disk_head(const DiskObject& object);

// How long the head is of which `beginning` has at least disk_head_least bytes; nullopt: it is
// none.
std::optional<std::size_t> disk_head_bytes(std::string_view beginning);

// `head`: as long as it says, from a file of so many bytes. False: damaged; nothing is promised
// about `out` then.
bool read_disk_head(std::string_view head, std::uint64_t file_bytes, DiskObject& out);

}  // namespace weir::cache
