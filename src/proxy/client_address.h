// Who the client is (contract rule 9): the socket's peer, unless the peer is in set_real_ip_from;
// then what real_ip_header says of whom it speaks for.
#pragma once

#include <string_view>

#include "conf/model.h"
#include "proxy/exchange_state.h"

namespace weir {

bool is_trusted(const conf::ServerConf& server, const Address& address);

// Fills peer_address, client_address and peer_trusted; needs the server.
void find_client_address(ExchangeState& state);

}  // namespace weir
