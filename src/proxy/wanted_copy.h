// Copies of stored answers that are used often are worth more work than a client waits for: who
// counts the uses, and what is asked of the compressor (process/compressor.h).
#pragma once

#include <cstdint>
#include <optional>

#include "cache/store.h"
#include "filter/encoder.h"

namespace weir {

struct LocationPlan;

// A use of this copy of what is stored under `answer`. Every compress_cached_uses of them a better
// one is asked for, until there is one.
void want_better_copy(const LocationPlan& location, const cache::Key& answer, const cache::Key& key,
                      const cache::Reader& copy, ContentCoding coding);

// How it is asked for, in the 31 bits of a wish.
std::uint32_t wish_of(const EncoderSpec& spec);
std::optional<EncoderSpec> spec_of_wish(std::uint32_t how);  // nullopt: damaged

}  // namespace weir
