// Health: what probes make of a peer. Pure.
//
//   NOT_INITIATED --passes--> HEALTHY --fails--> UNREACHABLE --passes--> HEALTHY
//
// A peer that was never healthy stays NOT_INITIATED, however often it fails.
#pragma once

#include <cstdint>

#include "shm/peers.h"

namespace weir {

constexpr bool may_enter(shm::Health from, shm::Health to) {
  switch (from) {
    case shm::Health::not_initiated: return to == shm::Health::healthy;
    case shm::Health::healthy: return to == shm::Health::unreachable;
    case shm::Health::unreachable: return to == shm::Health::healthy;
  }
  return false;
}

struct HealthRule {
  std::uint32_t fails = 3, passes = 2;  // in a row; 1 at least
};

struct HealthState {
  shm::Health health = shm::Health::not_initiated;
  bool known = false;  // was healthy once, or has failed: PeerWord::probed
  std::uint64_t passed_in_a_row = 0, failed_in_a_row = 0;
};

enum class HealthChange : std::uint8_t {
  none,
  healthy,      // is it now
  unreachable,  // is it now
  no_start,     // the first failure of a peer that never was healthy
};

// Counts one probe. The state is only ever changed here.
HealthChange count_probe(HealthState& state, bool passed, const HealthRule& rule);

}  // namespace weir
