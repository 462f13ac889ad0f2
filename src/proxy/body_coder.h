// What compresses the body of an answer, on its way or for the cache: chosen by the directives of
// its location, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "conf/model.h"
#include "event/loop.h"
#include "filter/coder_filter.h"
#include "http/message.h"
#include "proxy/exchange_state.h"
#include "shm/counters.h"

namespace weir {

// Of the worker.
struct Coders {
  Loop& loop;
  CoderPool& pool;
  CoderTurns& turns;
  shm::CounterRow& counters;
};

EncoderSpec encoder_spec(const conf::LocationConf& conf, ContentCoding coding);

// `head` is of the answer, `length` of its body, where that is known. nullptr: no memory for it.
std::unique_ptr<CoderFilter> make_compressor(const Coders& coders, const EncoderSpec& spec,
                                             const ResponseHead& head,
                                             std::optional<std::uint64_t> length);

std::size_t compressor_filter_bytes();  // what its coder has is the pool's

void count_compressed(shm::CounterRow& counters, ContentCoding coding, const CodedBytes& bytes);

}  // namespace weir
