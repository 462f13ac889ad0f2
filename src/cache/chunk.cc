#include "cache/chunk.h"

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#define XXH_DISPATCH_DISABLE_REPLACE
#include <xxh_x86dispatch.h>
#else
#define XXH3_64bits_dispatch XXH3_64bits
#endif

namespace weir::cache {

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(checksum64(bytes));
}

// A hundred kilobytes are summed up for each large hit: with what the processor has for it, four
// times as fast. For a few hundred bytes it is not worth waking up a processor's widest unit: the
// first instruction of 512 bits takes longer than all of the sum, and the first one behind it that
// is not, too.
std::uint64_t checksum64(std::string_view bytes) {
  constexpr std::size_t wide_from = 2048;
  return bytes.size() < wide_from ? XXH3_64bits(bytes.data(), bytes.size())
                                  : XXH3_64bits_dispatch(bytes.data(), bytes.size());
}

std::uint32_t head_checksum(const Head& head) {
  constexpr std::size_t from = offsetof(Head, hash);
  return checksum({bytes_of(head) + from, text_end(head) - from});
}

bool is_sound(const Head& head, std::uint32_t units_most) {
  if (head.magic != Magic::head || head.units > units_most) return false;
  if (head.content != Content::answer && head.content != Content::vary) return false;
  const std::uint64_t size = std::uint64_t{head.units} * unit_bytes;
  if (size < sizeof(Head) || text_end(head) > size) return false;
  if (head.in_pieces == 0) return head.inline_bytes <= size - text_end(head);
  if (head.in_pieces != 1 || list_at(head) + sizeof(PieceList) > size) return false;
  return list_of(head).capacity <= (size - list_at(head) - sizeof(PieceList)) / sizeof(Piece);
}

}  // namespace weir::cache
