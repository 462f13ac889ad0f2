// What balance = hash and ip_hash choose by. The hash is the same in every process, after every
// restart and on every machine, so that a key keeps its peer; hence it is no secret, and a client
// that can choose its keys can choose its peer (bounded_load limits what comes of it).
#pragma once

#include <cstdint>

#include "proxy/exchange_state.h"

namespace weir {

// 0 where the group chooses by something else.
std::uint64_t balance_key(ExchangeState& state);

}  // namespace weir
