#include "filter/libraries.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "filter/encoder.h"

namespace weir {

std::string coder_libraries() {
  const std::uint32_t brotli = ::BrotliEncoderVersion();
  std::string out = "zlib " + std::string(::zlibVersion());
  out += has_isal() ? ", ISA-L (level fast)" : ", no ISA-L (level fast is zlib's level 1)";
  out += ", Brotli " + std::to_string(brotli >> 24) + "." + std::to_string(brotli >> 12 & 0xfff) +
         "." + std::to_string(brotli & 0xfff);
  out += ", Zstandard " + std::string(::ZSTD_versionString());
  return out;
}

}  // namespace weir
