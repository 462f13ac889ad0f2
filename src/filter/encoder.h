// Encoder: bytes in, bytes of one coding out; one body at a time, any number after each other.
// Their memory comes from a CoderMemory; CoderPool hands them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "http/content_coding.h"

namespace weir {

class CoderMemory;

class Encoder {
 public:
  static constexpr std::size_t room_min = 64;  // of `out`: with less, zlib repeats its flush marks
  enum class Upto : unsigned char { whenever, flush, end };
  // done: all of `in` is taken and all that `upto` asks for is out. failed: no memory; the body is
  // lost.
  struct Step {
    std::size_t taken = 0, made = 0;
    bool done = false, failed = false;
  };

  Encoder() = default;
  Encoder& operator=(Encoder&&) = delete;
  virtual ~Encoder() = default;

  // Before each body, whatever became of the one before. `length`: of the body, where it is known;
  // it must then be right. False: no memory.
  [[nodiscard]] virtual bool start(std::optional<std::uint64_t> length) = 0;
  virtual void stop() {}  // the body is over: what only it needed goes back
  // A flush or end that was not done is asked for again, with the rest of `in`, before anything
  // else.
  virtual Step run(std::string_view in, std::span<char> out, Upto upto) = 0;
};

struct EncoderSpec {
  ContentCoding coding = ContentCoding::gzip;
  int level = 0;             // gzip, deflate: 0 (fast) to 9; br: 0 to 11; zstd: 1 to 19
  std::uint64_t window = 0;  // bytes, a power of two
  friend bool operator==(const EncoderSpec&, const EncoderSpec&) = default;
};

// The same within what the coding takes, with a window that is no larger than a body of this length
// has a use for: a small answer is not to cost the memory of a large one.
EncoderSpec fitted(EncoderSpec spec, std::optional<std::uint64_t> length);

// Of a fitted spec; nullptr: no memory, or identity.
std::unique_ptr<Encoder> make_encoder(const EncoderSpec& spec, CoderMemory& memory);
// How much of `memory` an encoder of this spec has at most.
std::uint64_t encoder_bytes_max(const EncoderSpec& spec);

// What each coding's file provides for the two above.
std::unique_ptr<Encoder> make_zlib_encoder(const EncoderSpec& spec, CoderMemory& memory);
std::uint64_t zlib_encoder_bytes(const EncoderSpec& spec);
std::unique_ptr<Encoder> make_isal_encoder(const EncoderSpec& spec, CoderMemory& memory);
std::uint64_t isal_encoder_bytes();
bool has_isal();  // without it level fast is zlib's level 1
std::unique_ptr<Encoder> make_brotli_encoder(const EncoderSpec& spec, CoderMemory& memory);
std::uint64_t brotli_encoder_bytes(const EncoderSpec& spec);
std::unique_ptr<Encoder> make_zstd_encoder(const EncoderSpec& spec, CoderMemory& memory);
std::uint64_t zstd_encoder_bytes(const EncoderSpec& spec);

// log2 of a window, for the libraries that want it so.
int window_bits(std::uint64_t window);

}  // namespace weir
