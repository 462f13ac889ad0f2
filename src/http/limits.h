// Limits of one HTTP/1 message. The defaults are the contract's; each is a directive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

// Field names with '_': origins that map names to variables cannot tell "X_Real_IP" from
// "X-Real-IP", so by default such fields do not pass.
enum class Underscores : std::uint8_t { drop, reject, keep };

struct Limits {
  std::size_t request_line_bytes_max = 8 * 1024;  // more: 414
  std::size_t head_bytes_max = 32 * 1024;         // request or status line and fields; more: 431
  std::size_t fields_max = 100;                   // more: 400, as nginx's max_headers
  Underscores underscores = Underscores::drop;

  std::size_t chunk_extension_bytes_max = 4 * 1024;  // of a whole body
  std::size_t trailer_bytes_max = 8 * 1024;
  std::size_t trailers_max = 32;
};

}  // namespace weir
