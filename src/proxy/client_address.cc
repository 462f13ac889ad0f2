#include "proxy/client_address.h"

#include "base/text.h"
#include "http/forwarded.h"

namespace weir {
namespace {

class Trusted final : public TrustList {
 public:
  explicit Trusted(const conf::ServerConf& server) : server_(server) {}
  bool trusts(std::string_view address) const override {
    const auto parsed = Address::parse_ip(address);
    return parsed && is_trusted(server_, *parsed);
  }

 private:
  const conf::ServerConf& server_;
};

// The text of an IP address in the arena: it must outlive the connection's own Address no longer
// than the exchange.
std::string_view ip_text(const Address& address, Arena& arena) {
  if (address.kind() != Address::Kind::ipv4) {
    char text[64];
    return arena.copy(address.without_mapping().format_ip(text, sizeof text));
  }
  char* const out = arena.allocate(ipv4_text_max);
  if (out == nullptr) return {};
  const std::size_t size = format_ipv4(address.ip_bytes(), out);
  arena.give_back(ipv4_text_max - size);
  return {out, size};
}

}  // namespace

bool is_trusted(const conf::ServerConf& server, const Address& address) {
  for (const Cidr& network : *server.set_real_ip_from)
    if (network.contains(address)) return true;
  return false;
}

void find_client_address(ExchangeState& state) {
  const conf::ServerConf& server = *state.server->conf;
  const Address& peer = state.client.facts().remote;
  state.peer_address = state.client_address = ip_text(peer, state.arena());
  if (server.set_real_ip_from->empty()) return;
  state.peer_trusted = is_trusted(server, peer);
  if (!state.peer_trusted) return;
  const Fields& fields = state.request().fields;
  if (iequals(*server.real_ip_header, field_name(FieldId::x_forwarded_for))) {
    state.client_address = client_address(fields, state.peer_address, Trusted(server));
    return;
  }
  const Field* claimed = fields.find(*server.real_ip_header);
  if (claimed == nullptr) return;
  if (const auto address = Address::parse_ip(trim(claimed->value)))
    state.client_address = ip_text(*address, state.arena());
}

}  // namespace weir
