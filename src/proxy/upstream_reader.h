// UpstreamReader: takes answers off a transport: heads one by one, then the body, which goes from
// the read buffer straight into its sink. Used by Attempt only; decides nothing.
//
//   fill() -> find_head()* -> start_body() -> pass()/fill()*          rest(): what came behind the
//   answer
//
// One buffer: none while nothing is there, 16 KiB at first; four times as much each time a read
// filled it and the sink then took everything, up to `buffer_max`; half as much when the sink did
// not. From an empty pool it takes the reserve of 4 KiB: an origin that isn't read may not read
// either, and whoever holds the blocks may be waiting for just that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"
#include "http/body.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/limits.h"
#include "net/transport.h"

namespace weir {

class UpstreamReader {
 public:
  // `limits` outlives the reader.
  UpstreamReader(BufferPool& pool, const Limits& limits, std::size_t buffer_max);

  enum class Filled : std::uint8_t { bytes, again, eof, error, no_memory };
  // Reads once. Not while pass() left something in the buffer.
  Filled fill(Transport& transport);
  const Error& error() const { return error_; }

  // The next whole head at the front of what was read: its text, empty when more is needed. It
  // stays in the buffer until drop_head().
  Result<std::string_view> find_head();
  void drop_head();

  void start_body(const BodyFraming& framing);
  enum class Passed : std::uint8_t { drained, full, done };
  // Gives the sink what is there: drained: all, more is to come; full: resume() will tell; done:
  // the last byte was taken. An error is a fault in the framing.
  Result<Passed> pass(BodySink& sink);
  // The origin has closed: the end of a body that is delimited so, an error in any other. Only
  // when pass() has said drained; call pass() again after it.
  Result<Ok> end_of_input() { return decoder_.end_of_input(); }

  std::string_view rest() const { return buffer_.readable().substr(at_); }
  bool until_close() const { return kind_ == BodyKind::until_close; }
  std::uint64_t bytes_received() const { return received_; }
  std::uint64_t body_bytes() const { return decoder_.payload_bytes(); }
  void release() { buffer_.release(), at_ = 0; }  // not inside pass()
  // Nothing more is wanted: pass() returns as soon as its sink does.
  void stop() { stopped_ = true; }

 private:
  bool make_room();

  Buffer buffer_;
  const Limits& limits_;
  std::size_t buffer_max_, size_wanted_ = BufferPool::block_bytes_min;
  HeadScan scan_{HeadKind::response};
  std::size_t head_size_ = 0;
  std::size_t at_ = 0;        // of buffer_.readable(): all before went through the decoder
  std::string_view pending_;  // decoded, not yet taken
  BodyDecoder decoder_;
  BodyKind kind_ = BodyKind::none;
  std::uint64_t received_ = 0;
  Error error_{Side::upstream, {}};
  Want want_ = Want::any;
  bool in_body_ = false, filled_whole_ = false, trailers_told_ = false, stopped_ = false;
};

}  // namespace weir
