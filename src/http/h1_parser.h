// The HTTP/1 head parser. Pure and strict: what two readers could understand differently is
// refused (RFC 9112; the strictness contract is docs/requests.md).
//
// Two steps. find_head_end() looks for the empty line as bytes arrive, never looking twice at the
// same byte. parse_*_head() then reads one complete, bounded head; the result's views point into
// it. Lines end in CRLF exactly; a bare CR or LF is an error wherever it stands. One empty line
// before a request line is passed over (RFC 9112 2.2: older clients send one after a body), not
// two.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "http/limits.h"
#include "http/message.h"

namespace weir {

enum class HeadKind : std::uint8_t { request, response };

// How far the search has come. Start each head with a fresh one.
struct HeadScan {
  HeadKind kind = HeadKind::request;
  bool line_seen = false;  // the request or status line is complete
  std::size_t from = 0;    // all before is scanned
  std::size_t line = 0;    // where the current line starts
};

// `bytes` begin with the head's first byte and may go on behind it. Returns the size of the head,
// empty line included; 0 when more bytes are needed. Fails as soon as the head is known to be too
// large or not HTTP.
Result<std::size_t> find_head_end(std::string_view bytes, HeadScan& scan, const Limits& limits);

// `head` is exactly what find_head_end() measured. On failure `out` is unspecified, except that the
// parts read so far stay in method_text, target and line for the log.
Result<Ok> parse_request_head(std::string_view head, const Limits& limits, RequestHead& out);
Result<Ok> parse_response_head(std::string_view head, const Limits& limits, ResponseHead& out);

// Field lines up to and including the empty line, as in a head or a trailer section. Returns how
// many fields Limits::underscores dropped. `side` is who sent them.
Result<std::size_t> parse_fields(std::string_view lines, const Limits& limits,
                                 std::size_t fields_max, Side side, Fields& out);

}  // namespace weir
