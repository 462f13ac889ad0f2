// Decoder: bytes of one coding in, what they stand for out; one body at a time, any number after
// each other. Strict: what is cut short, goes on behind its end or fails its checksum is an error.
// Their memory comes from a CoderMemory; CoderPool hands them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "http/content_coding.h"

namespace weir {

class CoderMemory;

class Decoder {
 public:
  // done: the body is whole and all of it is out; only where `last` was said. broken: what is
  // wrong, a literal; nothing more is to be asked then. Neither, with all of `in` taken and room
  // left in `out`: it wants more input.
  struct Step {
    std::size_t taken = 0, made = 0;
    bool done = false;
    std::string_view broken;
  };

  Decoder() = default;
  Decoder& operator=(Decoder&&) = delete;
  virtual ~Decoder() = default;

  // Before each body, whatever became of the one before. False: no memory.
  [[nodiscard]] virtual bool start() = 0;
  virtual void stop() {}  // the body is over: what only it needed goes back
  // last: `in` ends the body.
  virtual Step run(std::string_view in, std::span<char> out, bool last) = 0;
};

// nullptr: no memory, or identity.
std::unique_ptr<Decoder> make_decoder(ContentCoding coding, CoderMemory& memory);
// How much of `memory` a decoder has at most.
std::uint64_t decoder_bytes_max(ContentCoding coding);

// What each coding's file provides for the two above.
std::unique_ptr<Decoder> make_zlib_decoder(ContentCoding coding, CoderMemory& memory);
std::uint64_t zlib_decoder_bytes();
std::unique_ptr<Decoder> make_brotli_decoder(CoderMemory& memory);
std::uint64_t brotli_decoder_bytes();
std::unique_ptr<Decoder> make_zstd_decoder(CoderMemory& memory);
std::uint64_t zstd_decoder_bytes();

}  // namespace weir
