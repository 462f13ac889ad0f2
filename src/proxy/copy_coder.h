// What compresses a stored answer for its copy, by the directives of the location that asked for
// it, and how that is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "filter/coder_filter.h"
#include "http/message.h"
#include "proxy/exchange_state.h"
#include "shm/counters.h"

namespace weir {

EncoderSpec copy_spec(const conf::LocationConf& conf, ContentCoding coding);

// `head` is of the answer, `length` of its body, where that is known. nullptr: no memory for it.
std::unique_ptr<CoderFilter> make_copy_coder(Loop& loop, CoderPool& pool, CoderTurns& turns,
                                             const EncoderSpec& spec, const ResponseHead& head,
                                             std::optional<std::uint64_t> length);

std::size_t copy_coder_bytes();  // of that filter; what its coder has is the pool's

void count_compressed(shm::CounterRow& counters, ContentCoding coding, const CodedBytes& bytes);

}  // namespace weir
