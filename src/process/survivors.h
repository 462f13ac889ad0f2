// Survivors: whom a child serves on for when the master is gone. Nobody reaps any more then: that a
// slot is live says nothing, whether its process lives does.
#pragma once

#include <cstdint>

#include "os/process.h"
#include "shm/slots.h"

namespace weir::process {

// `counts(index, info)`: of those in live slots.
template <class Counts>
bool any_lives(const shm::SlotTable& slots, const Counts& counts) {
  for (std::uint32_t index = 0; index < shm::slot_count; ++index) {
    const shm::SlotInfo info = slots.info(index);
    if (shm::is_live(info.state) && counts(index, info) && process_lives(info.pid)) return true;
  }
  return false;
}

inline bool any_worker_lives(const shm::SlotTable& slots) {
  return any_lives(slots, [](std::uint32_t, const shm::SlotInfo& info) {
    return info.role == shm::Role::worker;
  });
}

inline bool any_earlier_worker_lives(const shm::SlotTable& slots, std::uint64_t generation) {
  return any_lives(slots, [=](std::uint32_t, const shm::SlotInfo& info) {
    return info.role == shm::Role::worker && info.generation < generation;
  });
}

}  // namespace weir::process
