// AcceptEncoding: which content codings a request takes, and how gladly (RFC 9110 12.5.3).
//
// What can't be read is passed over and never guessed into acceptance: a coding whose weight is
// broken is not one that "*" stands for either. Of a coding that stands twice the smaller weight
// counts. Without the field, nothing but identity is given, though anything would be allowed:
// whoever asks for nothing may be unable to decode.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "http/content_coding.h"
#include "http/fields.h"

namespace weir {

class AcceptEncoding {
 public:
  static constexpr std::uint16_t whole = 1000;
  // identity where it is not mentioned: acceptable, and liked less than any other that is.
  static constexpr std::uint16_t least = 1;

  explicit AcceptEncoding(const Fields& request);  // of all its lines

  // In thousandths; 0: not acceptable.
  std::uint16_t weight(ContentCoding coding) const {
    return weights_[static_cast<std::size_t>(coding)];
  }
  bool accepts(ContentCoding coding) const { return weight(coding) > 0; }

  // Of `order` the one that is liked best, of equals the first; identity where that is liked
  // better, or where nothing is acceptable (then it is more useful than 406, and allowed).
  ContentCoding choose(std::span<const ContentCoding> order) const;

 private:
  std::array<std::uint16_t, content_codings> weights_{};
};

}  // namespace weir
