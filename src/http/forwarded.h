// Who the client is, and telling the origin: X-Forwarded-*, X-Real-IP, Forwarded (RFC 7239), Via,
// X-Request-Id (contract rule 9).
//
// What a client says about itself is removed, in every spelling ('_' for '-'); what a trusted peer
// says is kept and appended to.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/forwarded_set.h"
#include "http/message.h"

namespace weir {

// Answers whether an address is in set_real_ip_from.
class TrustList {
 public:
  virtual bool trusts(std::string_view address) const = 0;

 protected:
  ~TrustList() = default;
};

// The rightmost address in X-Forwarded-For that is not trusted, when the peer itself is trusted;
// else the peer. An entry that is not an address ends the search at the last one that was.
std::string_view client_address(const Fields& fields, std::string_view peer_address,
                                const TrustList& trust);

struct ForwardedBy {
  std::string_view peer_address;    // of the socket (or PROXY header), no port, no brackets
  std::string_view client_address;  // what client_address() found
  bool peer_trusted = false;
  std::string_view scheme;              // "http" or "https": of the client's connection
  std::uint16_t port = 0;               // local port the client came to
  std::string_view request_id;          // 32 hexadecimal digits
  std::string_view pseudonym = "weir";  // in Via and Forwarded's `by` is not sent
  ForwardedSet wanted{};
};

// Sets X-Forwarded-For, -Host, -Proto, -Port, X-Real-IP, Forwarded, Via and X-Request-Id of a
// request that goes upstream. From a trusted peer: X-Forwarded-For and Forwarded are appended to;
// Host, Proto, Port and X-Request-Id are kept where present. Via is appended to always. Those of
// them that are not wanted are not sent, whoever said them.
// Check arena.exhausted() afterwards.
void add_forwarded(RequestHead& head, const ForwardedBy& by, Arena& arena);

// Via of an answer on its way back, appended to.
void add_via(Fields& fields, Version received, std::string_view pseudonym, Arena& arena);

// X-Forwarded-For as it will be sent ($proxy_add_x_forwarded_for).
std::string_view appended_forwarded_for(const Fields& fields, const ForwardedBy& by, Arena& arena);

}  // namespace weir
