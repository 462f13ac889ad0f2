// What the cache's answers to a request are stored under, and the conditions of its configuration.
#pragma once

#include <cstdint>
#include <string_view>

#include "conf/cache_values.h"
#include "proxy/exchange_state.h"

namespace weir {

// The key of this request, in the arena; empty: no room. `request_uri`: of another target at the
// same host, for the same key with its path and query in place of ours; empty: ours.
std::string_view cache_key_text(ExchangeState& state, std::string_view request_uri = {});
// Under a key that has variants stands their mark: the names of the fields that tell them apart,
// and a word of this moment. The word is part of their keys: without the mark they are not found
// again, whatever is stored later.
std::string_view variants_mark(ExchangeState& state, std::string_view names);
std::string_view names_of(std::string_view mark);
// The key of the variant that this request chooses.
std::string_view variant_key_text(ExchangeState& state, std::string_view primary,
                                  std::string_view mark);

// What all answers to POST bear that are stored for the URI of this key, besides the names that
// their origin gave them.
std::uint64_t posts_tag(ExchangeState& state, std::string_view key);

// `bypass`, `no_store`: one of them is neither empty nor "0".
bool any_set(ExchangeState& state, const conf::Conditions& conditions);

}  // namespace weir
