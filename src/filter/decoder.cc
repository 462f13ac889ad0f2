#include "filter/decoder.h"

namespace weir {

std::unique_ptr<Decoder> make_decoder(ContentCoding coding, CoderMemory& memory) {
  switch (coding) {
    case ContentCoding::identity: return nullptr;
    case ContentCoding::gzip:
    case ContentCoding::deflate: return make_zlib_decoder(coding, memory);
    case ContentCoding::br: return make_brotli_decoder(memory);
    case ContentCoding::zstd: return make_zstd_decoder(memory);
  }
  return nullptr;
}

std::uint64_t decoder_bytes_max(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::identity: return 0;
    case ContentCoding::gzip:
    case ContentCoding::deflate: return zlib_decoder_bytes();
    case ContentCoding::br: return brotli_decoder_bytes();
    case ContentCoding::zstd: return zstd_decoder_bytes();
  }
  return 0;
}

}  // namespace weir
