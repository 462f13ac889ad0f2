// MemoryBound: the most memory that an instance uses, in bytes and in words: zones, what each
// process has in memory already (the program, the configuration), and what workers allocate.
#pragma once

#include <cstdint>
#include <string>

#include "process/application.h"

namespace weir::process {

struct MemoryBound {
  std::uint64_t bytes = 0;  // 0: the application does not say
  std::string text;
};

// In the master, or where a configuration is only tested: what a process starts with is taken from
// the one that asks.
MemoryBound memory_bound(const conf::Config& config, const Application& application);

}  // namespace weir::process
