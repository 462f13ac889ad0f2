// UpstreamWriter: puts one request on a transport: the head, and the body in framing of its own,
// never the client's. Used by Attempt only; knows neither timers nor the answer.
//
// What it may hold itself is the head (one block, until it is sent) and a few bytes of framing;
// body bytes go from the source's buffer straight into the transport, head and first bytes in one
// write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "net/transport.h"

namespace weir {

class UpstreamWriter {
 public:
  explicit UpstreamWriter(BufferPool& pool) : head_(pool) {}

  // Before begin(); the transport outlives the writer's use.
  void bind(Transport& transport) { transport_ = &transport; }

  enum class Begun : unsigned char { yes, no_memory };
  // Serialises the head; nothing is sent yet. no_memory: the pool is empty, try again later. An
  // error is ours: something in the head can't be sent.
  Result<Begun> begin(const RequestHead& head, std::string_view target, const Outgoing& outgoing);
  bool begun() const { return begun_; }

  // Body bytes, by the rules of BodySink::write. A closed gate takes none (Expect: 100-continue);
  // an empty last write is noted even before begin().
  std::size_t write(std::string_view bytes, bool last);
  void trailers(const Fields& fields);  // behind the last chunk; ignored in other framings
  void set_gate(bool open) { gate_open_ = open; }
  bool gate_open() const { return gate_open_; }

  // Sends what is held. Afterwards blocked() tells whether the transport took it all.
  void send();
  // Never to write again: the answer does not wait for the rest, or the transport is broken.
  void stop() { stopped_ = true; }

  bool blocked() const { return !stopped_ && blocked_; }  // waits for the transport
  bool holds() const { return !head_.empty() || !framing().empty() || !last_.empty(); }
  bool wants_body() const {
    return begun_ && gate_open_ && !stopped_ && !blocked_ && !ended_ && !end_asked_;
  }
  bool complete() const { return begun_ && ended_ && !holds(); }  // all of the request is out
  bool broken() const { return broken_; }
  const Error& error() const { return error_; }
  std::uint64_t bytes_sent() const { return sent_; }
  std::uint64_t body_bytes_taken() const { return taken_; }

 private:
  std::string_view framing() const {
    return {small_.data() + small_begin_, static_cast<std::size_t>(small_end_ - small_begin_)};
  }
  void hold(std::string_view text);
  std::size_t put(std::string_view piece, bool last);
  std::string_view end_text() const;

  Transport* transport_ = nullptr;
  Buffer head_;
  std::array<char, 32> small_{};  // what is left of a chunk's head, or of the CRLF behind it
  std::uint8_t small_begin_ = 0, small_end_ = 0;
  std::string_view last_;     // what is left of the last chunk
  std::string trailer_text_;  // the last chunk with trailers
  BodyKind kind_ = BodyKind::none;
  std::uint64_t left_ = 0;  // of a length; of the chunk whose head is written
  std::uint64_t sent_ = 0, taken_ = 0;
  Error error_{Side::upstream, {}};
  bool begun_ = false, gate_open_ = true, end_asked_ = false, ended_ = false, blocked_ = false,
       stopped_ = false, broken_ = false;
};

}  // namespace weir
