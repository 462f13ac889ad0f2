// The chunked decoder against a plain one that sees the whole body at once, and against itself in
// pieces; then what was decoded is encoded and decoded again.
#include <optional>
#include <string>

#include "http/h1_body.h"
#include "http/h1_writer.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

// Accepts no trailers (`has_trailers` says that they would come) and no extension limits; says
// nothing about bodies that are cut short.
struct Plain {
  std::string payload;
  std::size_t size = 0;
  bool has_trailers = false;
};
std::optional<Plain> plain_decode(std::string_view bytes) {
  Plain out;
  std::size_t at = 0;
  for (;;) {
    const auto end = bytes.find("\r\n", at);
    if (end == bytes.npos) return std::nullopt;
    std::string_view line = bytes.substr(at, end - at);
    for (const char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7f) return std::nullopt;
    }
    line = line.substr(0, line.find(';'));
    if (line.empty() || line.size() > 16 ||
        line.find_first_not_of("0123456789abcdefABCDEF") != line.npos)
      return std::nullopt;
    const std::uint64_t size = std::stoull(std::string(line), nullptr, 16);
    at = end + 2;
    if (size == 0) break;
    if (size > bytes.size() - at || bytes.substr(at + size, 2) != "\r\n") return std::nullopt;
    out.payload += bytes.substr(at, size);
    at += size + 2;
  }
  out.has_trailers = bytes.substr(at, 2) != "\r\n";
  out.size = at + 2;
  return out;
}

struct Decoded {
  std::string payload;
  std::size_t consumed = 0;
  bool done = false, failed = false;
};
Decoded decode(std::string_view bytes, std::optional<std::uint32_t> seed, BodyDecoder& decoder) {
  static const Limits limits;
  decoder.start({BodyKind::chunked}, limits, Side::client);
  Decoded out;
  Pieces pieces(bytes, seed.value_or(0));
  std::string_view piece = bytes;
  for (bool more = seed ? pieces.next(piece) : !bytes.empty(); more && !decoder.done();
       more = seed && pieces.next(piece)) {
    while (!piece.empty() && !decoder.done()) {
      const auto step = decoder.decode(piece);
      if (!step) {
        out.failed = true;
        return out;
      }
      check(step->consumed > 0 && step->consumed <= piece.size());
      out.payload += step->payload;
      out.consumed += step->consumed;
      piece.remove_prefix(step->consumed);
    }
  }
  out.done = decoder.done();
  return out;
}

void run(std::string_view bytes, std::uint32_t seed) {
  BodyDecoder decoder, other;
  const Decoded whole = decode(bytes, std::nullopt, decoder);
  const Decoded split = decode(bytes, seed, other);
  check(whole.payload == split.payload || whole.failed);
  check(whole.done == split.done && whole.failed == split.failed);
  check(whole.failed || whole.consumed == split.consumed);
  const auto plain = plain_decode(bytes);
  if (whole.done) {
    check(plain.has_value() && plain->payload == whole.payload);
    check(plain->has_trailers || plain->size == whole.consumed);
  } else if (plain && !plain->has_trailers && bytes.size() < 4096) {
    check(false);  // small enough for every limit: the decoder had to accept it
  }
  if (!whole.done) return;
  std::string again;
  if (!whole.payload.empty()) {
    again += ChunkHead(whole.payload.size()).text();
    again += whole.payload;
    again += crlf;
  }
  std::string end(last_chunk_bytes(decoder.trailers()), '\0');
  const auto written = write_last_chunk(decoder.trailers(), end);
  check(static_cast<bool>(written));
  again += end.substr(0, *written);
  const Decoded second = decode(again, seed, other);
  check(second.done && second.payload == whole.payload && second.consumed == again.size());
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(h1_chunked) {
  if (input.empty()) return;
  weir::fuzz::run(input.substr(1), static_cast<std::uint8_t>(input.front()));
}
