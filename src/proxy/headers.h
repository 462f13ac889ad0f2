// The fields of messages on their way: what a peer gets of a request, what a client gets of an
// answer.
#pragma once

#include "http/message.h"
#include "proxy/exchange_state.h"

namespace weir {

// Completes memory.to_origin (which has the request's fields without hop-by-hop ones): Host, who
// the client is, the location's set_header. False: no room.
bool prepare_for_origin(ExchangeState& state);

// The target of the request line for a peer.
std::string_view origin_target(ExchangeState& state);

// What the location does to any answer, ours or a peer's: Date, Server, add_header. False: no room.
bool finish_answer(ExchangeState& state, ResponseHead& head);

// And before that, to a peer's: remove_header, Via, X-Backend-Server (`peer_url`; empty: it was
// stored).
void pass_answer(ExchangeState& state, ResponseHead& head, std::string_view peer_url);

}  // namespace weir
