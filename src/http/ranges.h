// Byte ranges (RFC 9110 14): which parts of a representation a Range asks for, and the heads of the
// parts of a multipart/byteranges.
//
// A field that is malformed, names another unit or asks for more than is reasonable is not an
// error: it is ignored, and the answer is the whole (RFC 9110 14.2). So no Range makes more work
// than a request without one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir {

struct ByteRange {
  std::uint64_t first = 0, last = 0;  // both included
  std::uint64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

class RangeSet {
 public:
  static constexpr std::size_t ranges_max = 16;  // more in one field: ignored

  std::span<const ByteRange> ranges() const { return {ranges_.data(), count_}; }
  std::size_t size() const { return count_; }
  const ByteRange& operator[](std::size_t at) const { return ranges_[at]; }
  bool operator==(const RangeSet& other) const;

 private:
  friend class RangeReader;
  std::array<ByteRange, ranges_max> ranges_{};
  std::size_t count_ = 0;
};

enum class RangeVerdict : std::uint8_t {
  whole,          // 200: the field is ignored, or its ranges together are all there is
  partial,        // 206: `out` has one range or several
  unsatisfiable,  // 416
};
// `length`: of the whole representation. Ranges that overlap or lie so near that a part of their
// own would cost more than the gap become one. Several ranges keep the order they were asked in.
RangeVerdict select_ranges(std::string_view field, std::uint64_t length, RangeSet& out);

// Whether the field asks for everything from the first byte on ("bytes=0-"): what a player sends
// that means the whole.
bool asks_for_all(std::string_view field);

// The values of Content-Range: of a 206, and of a 416.
void append_content_range(const ByteRange& range, std::uint64_t length, std::string& out);
void append_unsatisfied_range(std::uint64_t length, std::string& out);

// The framing of a multipart/byteranges answer (RFC 9110 14.6): part_head(0), bytes of range 0,
// part_head(1), ..., end().
class Multipart {
 public:
  // Views: they must live as long as this. `boundary`: at most 70 characters, not in the content.
  Multipart(std::string_view boundary, std::string_view content_type, std::uint64_t length,
            const RangeSet& ranges);

  void append_part_head(std::size_t at, std::string& out) const;
  void append_end(std::string& out) const;
  std::uint64_t total() const { return total_; }     // bytes of the body
  void append_content_type(std::string& out) const;  // of the answer

 private:
  std::string_view boundary_, content_type_;
  std::uint64_t length_;
  const RangeSet& ranges_;
  std::uint64_t total_ = 0;
};

}  // namespace weir
