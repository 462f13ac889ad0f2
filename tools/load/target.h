// Target: where requests go, from a URL: http://host[:port]/path?query, https://..., and for a Unix
// socket http://unix:/path/of.sock:/path. Pure but for resolve(), which asks the resolver.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/address.h"

namespace weir::load {

struct Target {
  bool tls = false;
  std::string host;         // a name, an IP without brackets; empty for a Unix socket
  std::uint16_t port = 0;   // 0 for a Unix socket
  std::string socket_path;  // of a Unix socket
  std::string authority;    // for Host
  std::string path = "/";   // with the query, as it stands in the request line
};

Result<Target> parse_url(std::string_view url);

// The first address that takes a connection, else the first one: a name such as localhost often
// has two, of which one is served. Kind::none, with the reason in `error`: the name is unknown.
Address resolve(const Target& target, std::string& error);

bool takes_connections(const Address& address);  // asks, and waits up to three seconds

}  // namespace weir::load
