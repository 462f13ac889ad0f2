// H1Answer: writes one answer to an HTTP/1 client: interim heads, the head, the body in its
// framing.
//
// Body bytes are never copied: they go from the source's buffer to the kernel, together with the
// head and the chunk framing around them, in one writev. What is kept here when the kernel takes
// less is only our own text (pending_), so a short write costs no memory.
//
//   quiet -> begun -> body -> ended -> sent       quiet: interim heads may go out
//                                                 begun: the head waits for the first body bytes or
//                                                 a flush() ended: the last byte was taken; sent:
//                                                 the kernel has all
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/framing.h"
#include "http/h1_writer.h"
#include "net/transport.h"

namespace weir {

class H1Answer {
 public:
  H1Answer(Transport& transport, Arena& arena) : transport_(transport), arena_(arena) {}
  H1Answer& operator=(H1Answer&&) = delete;

  // A complete interim head ("HTTP/1.1 100 Continue..."), sent at once as far as the kernel takes
  // it.
  void interim(std::string_view text);
  // The final head, held back. `framing` decides how the body is written; `trailers`: the client
  // takes them.
  bool begin(const ResponseHead& head, const Outgoing& outgoing, bool trailers);

  std::size_t write(std::string_view bytes, bool last) { return write({&bytes, 1}, last); }
  static constexpr std::size_t parts_max = BodySink::parts_max;
  std::size_t write(std::span<const std::string_view> parts, bool last);
  void set_trailers(const Fields& fields);
  void flush();  // what is pending, now

  bool begun() const { return phase_ != Phase::quiet; }
  bool ended() const { return phase_ == Phase::ended || phase_ == Phase::sent; }
  bool sent() const { return phase_ == Phase::sent; }
  bool blocked() const { return blocked_; }  // the kernel has no room: wait for on_ready
  bool broken() const {
    return broken_;
  }  // the connection is lost, or the source broke the framing
  Error error() const { return error_; }
  BodyKind framing() const { return framing_.kind; }
  std::string_view head() const { return head_; }  // as written; empty before begin()

  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t body_bytes_sent() const { return body_bytes_sent_; }

 private:
  enum class Phase : unsigned char { quiet, begun, body, ended, sent };

  void add_pending(std::string_view text);
  std::size_t send(std::span<const std::string_view> parts);
  std::size_t write_counted(std::span<const std::string_view> parts, bool last);
  std::size_t write_raw(std::span<const std::string_view> parts, bool last);
  std::size_t write_chunked(std::string_view bytes, bool last);
  std::size_t finish_empty(std::string_view bytes, bool last, std::string_view tail);
  void finish(bool all_taken, bool last);
  void fail(Error why);

  Transport& transport_;
  Arena& arena_;
  BodyFraming framing_{};
  std::string_view head_{};  // in arena_
  std::string_view
      pending_{};  // our own text that the kernel has not taken; in arena_, or a literal
  std::string_view last_chunk_{};  // with trailers; empty: without
  std::array<char, 18> small_{};   // the rest of a chunk head, when pending_ is that
  std::uint64_t left_ =
      0;  // length: body bytes to come; chunked: of the chunk whose size was announced
  std::uint64_t bytes_sent_ = 0, body_bytes_sent_ = 0;
  Error error_{Side::self, {}};
  Phase phase_ = Phase::quiet;
  bool trailers_ = false;
  bool blocked_ = false;
  bool broken_ = false;
};

}  // namespace weir
