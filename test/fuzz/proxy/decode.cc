#include "test/fuzz/proxy/decode.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdint>
#include <memory>

#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

constexpr std::size_t step_bytes = 65536, bytes_most = std::size_t{4} << 20;
constexpr int largest = 15, with_gzip_head = 16;  // windows, as zlib takes them

// Of gzip several members may follow each other (RFC 1952 2.2).
Decoded decode_zlib(std::string_view coded, int window_bits) {
  Decoded out;
  z_stream stream{};
  check(inflateInit2(&stream, window_bits) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  std::array<char, step_bytes> room;
  int result = Z_OK;
  while (result == Z_OK && out.bytes.size() < bytes_most) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    result = inflate(&stream, Z_NO_FLUSH);
    out.bytes.append(room.data(), room.size() - stream.avail_out);
    const bool another = result == Z_STREAM_END && stream.avail_in > 0 && window_bits > largest;
    if (another) result = inflateReset(&stream);
  }
  out.ended = result == Z_STREAM_END;
  out.bad = (out.ended && stream.avail_in > 0) || (!out.ended && result != Z_BUF_ERROR);
  inflateEnd(&stream);
  return out;
}

Decoded decode_brotli(std::string_view coded) {
  Decoded out;
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  const auto* in = reinterpret_cast<const std::uint8_t*>(coded.data());
  std::size_t left = coded.size();
  std::array<std::uint8_t, step_bytes> room;
  auto result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT && out.bytes.size() < bytes_most) {
    std::uint8_t* to = room.data();
    std::size_t free = room.size();
    result = BrotliDecoderDecompressStream(state.get(), &left, &in, &free, &to, nullptr);
    out.bytes.append(reinterpret_cast<const char*>(room.data()), room.size() - free);
  }
  out.ended = result == BROTLI_DECODER_RESULT_SUCCESS;
  out.bad = (out.ended && left > 0) || result == BROTLI_DECODER_RESULT_ERROR;
  return out;
}

Decoded decode_zstd(std::string_view coded) {
  Decoded out;
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> state(ZSTD_createDStream(),
                                                                            ZSTD_freeDStream);
  ZSTD_inBuffer in{coded.data(), coded.size(), 0};
  std::array<char, step_bytes> room;
  while (out.bytes.size() < bytes_most) {
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    const std::size_t result = ZSTD_decompressStream(state.get(), &to, &in);
    out.bad = ZSTD_isError(result) != 0;
    if (out.bad) break;
    out.bytes.append(room.data(), to.pos);
    out.ended = result == 0 && in.pos == in.size;  // else another frame follows
    if (out.ended || (in.pos == in.size && to.pos < to.size)) break;
  }
  return out;
}

}  // namespace

Decoded decode(std::string_view coding, std::string_view coded) {
  if (coding == "gzip" || coding == "x-gzip") return decode_zlib(coded, largest + with_gzip_head);
  if (coding == "br") return decode_brotli(coded);
  if (coding == "zstd") return decode_zstd(coded);
  if (coding != "deflate") return {.bad = true};
  // Some origins send it without the head of the zlib format.
  Decoded out = decode_zlib(coded, largest);
  return out.bad && out.bytes.empty() ? decode_zlib(coded, -largest) : out;
}

}  // namespace weir::fuzz
