// What must hold in the zones of an instance, at any moment, whoever was killed where.
//
// Reads only and takes no lock, so it may run against a live instance (`weir --check-zones`) as
// well as after a torture test. Fields are read in an order in which a concurrent, correct change
// can't look like a violation. What it prints is for people; an empty list of violations is the
// verdict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/zones.h"

namespace weir::shm {

struct ZoneCheck {
  std::string_view zone;
  std::vector<std::string> violations;
};

// One entry per zone, in the order of zone_kinds. `now_ns`: the monotonic clock.
std::vector<ZoneCheck> check(const Zones& zones, std::int64_t now_ns);

// "slots: ok\nrings: 2 violations\n  ring 3: ...\n"; `all_ok` false when there is any violation.
std::string report(const std::vector<ZoneCheck>& checks, bool& all_ok);

}  // namespace weir::shm
