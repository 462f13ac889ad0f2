#include "filter/encoder.h"

#include <algorithm>
#include <bit>

namespace weir {
namespace {

struct Range {
  int level_min, level_max, bits_min, bits_max;
};

// zlib takes no window of 256 bytes, Brotli none below 1 KiB. zstd: decoders of the web refuse more
// than 8 MiB (RFC 9659).
Range range_of(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::identity: return {0, 0, 0, 0};
    case ContentCoding::gzip:
    case ContentCoding::deflate: return {0, 9, 9, 15};
    case ContentCoding::br: return {0, 11, 10, 24};
    case ContentCoding::zstd: return {1, 19, 10, 23};
  }
  return {};
}

}  // namespace

int window_bits(std::uint64_t window) {
  return window == 0 ? 0 : static_cast<int>(std::bit_width(window)) - 1;
}

EncoderSpec fitted(EncoderSpec spec, std::optional<std::uint64_t> length) {
  const Range range = range_of(spec.coding);
  spec.level = std::clamp(spec.level, range.level_min, range.level_max);
  int bits = std::clamp(window_bits(spec.window), range.bits_min, range.bits_max);
  // Brotli's window is 16 bytes short of its power of two.
  if (length) {
    constexpr std::uint64_t most = std::uint64_t{1} << 32;
    bits = std::min(bits,
                    std::max(10, static_cast<int>(std::bit_width(std::min(*length, most) + 15))));
  }
  const bool fast = spec.level == 0 &&
                    (spec.coding == ContentCoding::gzip || spec.coding == ContentCoding::deflate);
  if (fast) bits = 15;  // its memory does not depend on it
  spec.window = std::uint64_t{1} << bits;
  return spec;
}

std::unique_ptr<Encoder> make_encoder(const EncoderSpec& spec, CoderMemory& memory) {
  switch (spec.coding) {
    case ContentCoding::identity: return nullptr;
    case ContentCoding::gzip:
    case ContentCoding::deflate:
      return spec.level == 0 && has_isal() ? make_isal_encoder(spec, memory)
                                           : make_zlib_encoder(spec, memory);
    case ContentCoding::br: return make_brotli_encoder(spec, memory);
    case ContentCoding::zstd: return make_zstd_encoder(spec, memory);
  }
  return nullptr;
}

std::uint64_t encoder_bytes_max(const EncoderSpec& spec) {
  switch (spec.coding) {
    case ContentCoding::identity: return 0;
    case ContentCoding::gzip:
    case ContentCoding::deflate:
      return spec.level == 0 && has_isal() ? isal_encoder_bytes() : zlib_encoder_bytes(spec);
    case ContentCoding::br: return brotli_encoder_bytes(spec);
    case ContentCoding::zstd: return zstd_encoder_bytes(spec);
  }
  return 0;
}

}  // namespace weir
