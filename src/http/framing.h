// Framing: where a body ends. Decided once from the parsed head, by contract rules 2 and 3; the
// outgoing message is framed anew from what is decided here, never from the sender's fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace weir {

enum class BodyKind : std::uint8_t {
  none,         // the message ends with its head
  length,       // `length` bytes follow (0 is possible)
  chunked,      // RFC 9112 7.1
  until_close,  // responses only: all until the connection closes
  tunnel        // after 101, or 2xx to CONNECT: no HTTP any more
};

struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;
  // With `none`: the Content-Length that a HEAD or 304 answer states about a body it does not have.
  std::optional<std::uint64_t> stated = std::nullopt;

  bool has_body() const {
    return kind != BodyKind::none && !(kind == BodyKind::length && length == 0);
  }
};

// An error means: answer with status_of(error) and close. Nothing behind this head can be trusted.
Result<BodyFraming> request_framing(const RequestHead& head);

// An error means: 502 and close the upstream connection. `offered_upgrade` is the value of Upgrade
// that was sent to this upstream (empty: none): a 101 that was not asked for, or to another
// protocol, is an error.
Result<BodyFraming> response_framing(const ResponseHead& head, Method request_method,
                                     std::string_view offered_upgrade = {});

// Contract rule 2: digits only, no sign, blank, list; fits 64 bits.
std::optional<std::uint64_t> parse_content_length(std::string_view text);

}  // namespace weir
