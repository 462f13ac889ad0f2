// The HTTP/1 writer: heads and chunk framing from the parsed form (contract rule 5).
//
// Framing is written from BodyFraming, Connection and Upgrade from Outgoing: fields of those names
// in the head are passed over, so a peer's framing can't get through. A control byte in any text is
// refused (response splitting), whoever put it there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/framing.h"
#include "http/message.h"

namespace weir {

// What the Connection field says.
enum class Persistence : std::uint8_t {
  unsaid,      // no Connection field: the version's default
  keep_alive,  // to HTTP/1.0 clients that asked for it
  close
};

struct Outgoing {
  BodyFraming framing = {};
  // Requests: what this proxy speaks, never what the client spoke (RFC 9112 2.3). In HTTP/1.0 there
  // is no chunked framing: the caller's `framing` must be another then.
  Version version = Version::http_1_1;
  Persistence persistence = Persistence::unsaid;
  std::string_view upgrade = {};  // "Connection: upgrade" and this Upgrade are written
  bool te_trailers = false;       // requests: "TE: trailers" is written
  std::string_view date = {};     // responses: written when the head has no Date
  std::string_view server = {};   // responses: written when the head has no Server
};

// The head into `out`; returns the bytes written. Fails when it does not fit (nothing is promised
// about `out` then) or when something in it can't be sent. The request line is method_text,
// `target` and Outgoing::version; the status line says HTTP/1.1 always. A request without Host gets
// an empty one in HTTP/1.1 (RFC 9112 3.2).
Result<std::size_t> write_request_head(const RequestHead& head, std::string_view target,
                                       const Outgoing& outgoing, std::span<char> out);
Result<std::size_t> write_response_head(const ResponseHead& head, const Outgoing& outgoing,
                                        std::span<char> out);

// An upper bound of what the calls above need.
std::size_t request_head_bytes(const RequestHead& head, std::string_view target,
                               const Outgoing& outgoing);
std::size_t response_head_bytes(const ResponseHead& head, const Outgoing& outgoing);

// "1f40\r\n", before the chunk's bytes; crlf goes behind them. Size 0 is not a chunk.
class ChunkHead {
 public:
  explicit ChunkHead(std::uint64_t size);
  std::string_view text() const { return {text_.data() + start_, text_.size() - start_}; }

 private:
  std::array<char, 18> text_{};
  std::size_t start_;
};
inline constexpr std::string_view crlf = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";  // no trailers

// "0\r\n", the trailers that are allowed, "\r\n".
Result<std::size_t> write_last_chunk(const Fields& trailers, std::span<char> out);
std::size_t last_chunk_bytes(const Fields& trailers);  // an upper bound

}  // namespace weir
