// Stickiness: what a request brings by which its client is bound to a peer, and what an answer
// gives it. Which peer that is the group knows (upstream/sticky.h).
#pragma once

#include "proxy/exchange_state.h"

namespace weir {

class Peer;
class PeerPicker;

// The peer that the client is bound to; nullptr: none.
Peer* bound_peer(ExchangeState& state);

// Of an answer of a peer, before its head goes on: gives the cookie, or learns the session. False:
// no room in the head.
bool bind_client(ExchangeState& state, ResponseHead& head, const PeerPicker& picker,
                 const Peer& peer);

}  // namespace weir
