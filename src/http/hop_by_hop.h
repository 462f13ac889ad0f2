// Hop-by-hop fields (RFC 9110 7.6.1, contract rule 7): read, judged and removed in one step, so
// that what remains in Fields may go on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace weir {

struct HopByHop {
  bool close = false;        // Connection: close
  bool keep_alive = false;   // Connection: keep-alive (matters in HTTP/1.0)
  bool te_trailers = false;  // TE: trailers: the sender takes trailers
  std::string_view upgrade;  // the protocols offered (requests) or chosen (responses); empty unless
                             // HTTP/1.1 and Connection names Upgrade; never h2c or TLS
};

// After framing was decided. Removes Connection, what it names, Keep-Alive, Proxy-Connection, TE,
// Trailer, Upgrade, Proxy, HTTP2-Settings, Content-Length and Transfer-Encoding. Naming a protected
// field in Connection is an error: those of the table, and `own_names` (fields by which this proxy
// decides, such as an API key's).
Result<HopByHop> take_hop_by_hop(RequestHead& head,
                                 std::span<const std::string_view> own_names = {});
Result<HopByHop> take_hop_by_hop(ResponseHead& head);

// May the connection the message came on carry another one, as far as the message says (RFC 9112
// 9.3)?
bool wants_persistence(Version version, const HopByHop& hop);

// A 101 is believed only when it chose one protocol out of those offered.
bool upgrade_matches(std::string_view offered, std::string_view chosen);

enum class Expectation : std::uint8_t { none, continue_100, unsupported };
// `unsupported` is a 417 (Fault::expectation_failed). Ignored in HTTP/1.0 and without a body.
Expectation expectation(const RequestHead& head, bool has_body);

// How many hops an OPTIONS or TRACE may still go (RFC 9110 7.6.2): at 0 it has arrived here.
// Nothing where Max-Forwards is absent or, with other methods, has no meaning.
Result<std::optional<std::uint64_t>> max_forwards(const RequestHead& head);

}  // namespace weir
