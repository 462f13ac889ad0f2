#include "proxy/balance_key.h"

#include "base/hash.h"
#include "proxy/values.h"
#include "upstream/group.h"

namespace weir {
namespace {

// nginx's meaning: neighbours in an IPv4 network of 256 go to the same peer, an IPv6 address stands
// for itself. Clients of a Unix socket have one key.
std::uint64_t network_key(std::string_view client_address) {
  const auto address = Address::parse_ip(client_address);
  if (!address) return hash64({});
  const std::string_view bytes = address->ip_bytes();
  return hash64(address->kind() == Address::Kind::ipv4 ? bytes.substr(0, 3) : bytes);
}

}  // namespace

std::uint64_t balance_key(ExchangeState& state) {
  const conf::BalanceConf& balance = *state.location->group->conf().balance;
  switch (balance.kind) {
    case conf::Balance::hash: {
      std::string& text = state.memory.text;
      text.clear();
      balance.key.render(ExchangeValues(state), text);
      return hash64(text);
    }
    case conf::Balance::ip_hash: return network_key(state.client_address);
    case conf::Balance::round_robin:
    case conf::Balance::least_conn:
    case conf::Balance::random:
    case conf::Balance::least_time:
    case conf::Balance::first:
    case conf::Balance::least_load: break;
  }
  return 0;
}

}  // namespace weir
