// Surrogate keys: names that an origin gives its answers, so that all of one name can be purged at
// once; and the orders to purge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/message.h"

namespace weir::cache {

// Views into the fields they were read from.
class Tags {
 public:
  static constexpr std::size_t tags_max = 64;
  static constexpr std::size_t tag_bytes_max = 256;

  std::span<const std::string_view> all() const { return {tags_.data(), count_}; }
  // There are more, or longer ones: such an answer is not stored, since a purge would miss it.
  bool too_many() const { return too_many_; }
  void add(std::string_view tag);

 private:
  std::array<std::string_view, tags_max> tags_;
  std::size_t count_ = 0;
  bool too_many_ = false;
};
// Of Surrogate-Key (separated by blanks) and Cache-Tag (by commas); each once.
Tags tags_of(const Fields& fields);

// What is between the origin and this cache goes no further: Surrogate-Key and Cache-Tag.
void remove_tag_fields(Fields& answer);

// What PURGE asks for: tags where it names some in Surrogate-Key or Cache-Tag; else its target, or,
// where that ends in '*', all that begin with what is before it. "X-Purge-Soft: 1": they become
// stale, and are still there while the origin is asked.
struct PurgeOrder {
  enum class Kind : std::uint8_t { uri, prefix, tags };
  Kind kind = Kind::uri;
  bool soft = false;
  std::string_view request_uri = {};  // of uri and prefix, without the '*'
  Tags tags{};
};
// nullopt: too many tags.
std::optional<PurgeOrder> purge_order(const RequestHead& request);

}  // namespace weir::cache
