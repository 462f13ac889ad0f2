// SliceMap: how a large answer is cut into slices: pure arithmetic and text.
//
// What stands under the key of such an answer is its head, with a map as its body. The slices have
// keys of their own, with a word in them that only this map has: all that is found by it is of one
// version of the representation, and without it nothing is found again. So a purge of the URL, a
// surrogate key or a new version has to do with one stored thing alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/ranges.h"

namespace weir {

struct SliceMap {
  std::uint64_t total = 0;       // bytes of the whole representation
  std::uint64_t slice_size = 0;  // of all but the last one
  std::string word{};

  std::uint64_t number_at(std::uint64_t position) const { return position / slice_size; }
  std::uint64_t begin_of(std::uint64_t number) const { return number * slice_size; }
  std::uint64_t count() const { return (total + slice_size - 1) / slice_size; }
  ByteRange range_of(std::uint64_t number) const;  // number < count()

  std::string text() const;
  static std::optional<SliceMap> parse(std::string_view text);
  // "KEY\n@word.7": nothing else begins so (cache/key.h).
  void append_slice_key(std::string_view key, std::uint64_t number, std::string& out) const;
  bool operator==(const SliceMap&) const = default;
};

// The Content-Range of a 206 with one part whose length is known (RFC 9110 14.4).
struct PartOfWhole {
  ByteRange range;
  std::uint64_t total;
  bool is_all() const { return range.first == 0 && range.last + 1 == total; }
};
std::optional<PartOfWhole> parse_content_range(std::string_view text);

// Of the slice that a client wants first; 0 where that depends on what is not known yet: the
// length.
std::uint64_t first_slice_wanted(const Fields& request, std::uint64_t slice_size);

// What all slices of one answer have in common: a strong ETag, else a Last-Modified that is one
// (RFC 9110 8.8.1, 8.8.2.2). Views.
struct SliceValidator {
  std::string_view etag, last_modified;  // as the fields have them
  bool etag_is_strong = false, is_usable = false;

  static SliceValidator of(const Fields& answer, std::int64_t now);
  // For If-Range.
  std::string_view condition() const { return etag_is_strong ? etag : last_modified; }
  bool matches(const Fields& answer) const;
};

}  // namespace weir
