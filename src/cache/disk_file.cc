#include "cache/disk_file.h"

#include <cstring>

namespace weir::cache {
namespace {

constexpr std::uint64_t magic = 0x31'6b'73'69'64'72'69'77;  // "wirdisk1"
constexpr std::uint32_t version = 1;

struct FixedHead {
  std::uint64_t magic_number;
  std::uint32_t version_number;
  std::uint32_t head_bytes;
  std::uint64_t sum;  // of what follows, to the end of the head
  std::uint64_t file_bytes;
  std::uint64_t seq;
  shm::Id128 zone;
  Facts facts;
  std::uint32_t key_bytes, fields_bytes, tags, pieces;
  std::uint8_t content, soft;
  std::uint8_t reserved[46];
  std::uint64_t body_word;
};
static_assert(sizeof(FixedHead) == disk_head_least);
constexpr std::size_t summed_from = offsetof(FixedHead, file_bytes);

std::uint64_t parts_bytes(const FixedHead& it) {
  return sizeof(FixedHead) + std::uint64_t{it.tags} * sizeof(std::uint64_t) +
         std::uint64_t{it.pieces} * sizeof(DiskPiece) + it.key_bytes + it.fields_bytes;
}

template <class T>
void append_all(std::span<const T> values, std::string& out) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class T>
void take_all(std::string_view& rest, std::size_t count, std::vector<T>& out) {
  out.resize(count);
  if (count != 0) std::memcpy(out.data(), rest.data(), count * sizeof(T));
  rest.remove_prefix(count * sizeof(T));
}

}  // namespace

std::uint64_t DiskObject::body_bytes() const {
  std::uint64_t sum = 0;
  for (const DiskPiece& piece : pieces) sum += piece.bytes;
  return sum;
}

std::string disk_head(const DiskObject& object) {
  FixedHead fixed{};
  fixed.magic_number = magic;
  fixed.version_number = version;
  fixed.seq = object.seq;
  fixed.zone = object.zone;
  fixed.facts = object.facts;
  fixed.body_word = object.body_word;
  fixed.key_bytes = static_cast<std::uint32_t>(object.key.size());
  fixed.fields_bytes = static_cast<std::uint32_t>(object.fields.size());
  fixed.tags = static_cast<std::uint32_t>(object.tags.size());
  fixed.pieces = static_cast<std::uint32_t>(object.pieces.size());
  fixed.content = static_cast<std::uint8_t>(object.content);
  fixed.soft = object.soft ? 1 : 0;
  fixed.head_bytes = static_cast<std::uint32_t>(parts_bytes(fixed));
  fixed.file_bytes = fixed.head_bytes + object.body_bytes();
  std::string out;
  out.reserve(fixed.head_bytes);
  out.append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
  append_all(std::span(object.tags), out);
  append_all(std::span(object.pieces), out);
  out.append(object.key).append(object.fields);
  fixed.sum = checksum64(std::string_view(out).substr(summed_from));
  std::memcpy(out.data() + offsetof(FixedHead, sum), &fixed.sum, sizeof fixed.sum);
  return out;
}

std::optional<std::size_t> disk_head_bytes(std::string_view beginning) {
  FixedHead fixed;
  if (beginning.size() < sizeof fixed) return std::nullopt;
  std::memcpy(&fixed, beginning.data(), sizeof fixed);
  if (fixed.magic_number != magic || fixed.version_number != version) return std::nullopt;
  if (fixed.head_bytes < sizeof fixed || fixed.head_bytes > disk_head_most) return std::nullopt;
  return fixed.head_bytes;
}

bool read_disk_head(std::string_view head, std::uint64_t file_bytes, DiskObject& out) {
  const auto bytes = disk_head_bytes(head);
  if (!bytes || *bytes != head.size()) return false;
  FixedHead fixed;
  std::memcpy(&fixed, head.data(), sizeof fixed);
  if (fixed.sum != checksum64(head.substr(summed_from))) return false;
  if (parts_bytes(fixed) != head.size() || fixed.file_bytes != file_bytes) return false;
  if (fixed.content != static_cast<std::uint8_t>(Content::answer) &&
      fixed.content != static_cast<std::uint8_t>(Content::vary)) {
    return false;
  }
  out.seq = fixed.seq;
  out.zone = fixed.zone;
  out.facts = fixed.facts;
  out.body_word = fixed.body_word;
  out.content = static_cast<Content>(fixed.content);
  out.soft = fixed.soft != 0;
  std::string_view rest = head.substr(sizeof fixed);
  take_all(rest, fixed.tags, out.tags);
  take_all(rest, fixed.pieces, out.pieces);
  out.key = rest.substr(0, fixed.key_bytes);
  out.fields = rest.substr(fixed.key_bytes);
  for (const DiskPiece& piece : out.pieces) {
    if (piece.bytes == 0 || piece.bytes > disk_piece_most) return false;
  }
  return head.size() + out.body_bytes() == file_bytes;
}

}  // namespace weir::cache
