// Compressor: the one process that makes stored compressed copies of popular answers anew, with
// compress_cached_level, in the time that compress_cached_cpu leaves it. One per instance, where a
// place has both a cache and codings; what it does is proxy/copy_maker.h. Nobody waits for it, and
// whatever it was doing when it is killed is asked for again.
//
//   ready -> go -> makes -> stop -> exit
#pragma once

#include "process/children.h"
#include "process/instance.h"

namespace weir::process {

struct CompressorPlan {
  const Generation& generation;
  shm::Zones& zones;
};

bool needs_compressor(const conf::Config& config);
// Of its own, besides the program: a coder, an answer and its copy.
std::uint64_t compressor_bytes(const conf::Config& config);
int run_compressor(const CompressorPlan& plan, ChildSide& side);

}  // namespace weir::process
