// How much memory this process could still be given.
//
// Needed because the kernel does not refuse to fill a memfd: where memory runs out it kills
// processes instead. So whoever reserves memory asks here first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::memory {

// The machine's available memory, or less where a control group above this process sets a limit.
// nullopt when the kernel does not say (no /proc): then nothing can be refused beforehand.
std::optional<std::uint64_t> available();

// What of this process is in memory now, shared pages included; 0 when the kernel does not say.
std::uint64_t resident();

// Returns to the system what the allocator holds and nobody uses.
void give_back_free();

// The number behind "NAME:" or "NAME " at the start of a line, as in /proc/meminfo and memory.stat.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name);

}  // namespace weir::memory
