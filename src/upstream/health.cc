#include "upstream/health.h"

namespace weir {
namespace {

void enter(HealthState& state, shm::Health next) {
  assert(may_enter(state.health, next));
  state.health = next;
}

}  // namespace

HealthChange count_probe(HealthState& state, bool passed, const HealthRule& rule) {
  using shm::Health;
  if (passed) {
    state.failed_in_a_row = 0;
    ++state.passed_in_a_row;
    if (state.health == Health::healthy || state.passed_in_a_row < rule.passes) {
      return HealthChange::none;
    }
    enter(state, Health::healthy);
    state.known = true;
    return HealthChange::healthy;
  }
  state.passed_in_a_row = 0;
  ++state.failed_in_a_row;
  if (state.health == Health::healthy && state.failed_in_a_row >= rule.fails) {
    enter(state, Health::unreachable);
    return HealthChange::unreachable;
  }
  if (state.known) return HealthChange::none;
  state.known = true;
  return HealthChange::no_start;
}

}  // namespace weir
