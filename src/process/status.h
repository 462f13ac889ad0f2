// The status document: what runs and what it counted, as JSON. The same for the control socket and
// for GET /status; what only the master knows is left out where it is not known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/stores.h"
#include "process/upstream_view.h"
#include "shm/zones.h"

namespace weir::process {

struct StatusFacts {
  std::uint64_t generation = 0;  // in force
  std::vector<UpstreamFacts> upstreams;
  const cache::Stores* stores = nullptr;  // null: nobody stores
  // The master's part:
  struct Master {
    int pid = 0;
    std::int64_t uptime_s = 0;
    struct Generation {
      std::uint64_t number;
      std::string state;
      unsigned workers;
    };
    std::vector<Generation> generations;
    std::string reload_state;
    struct LastReload {
      bool ok;
      std::string report;
      std::int64_t took_ms;
    };
    std::optional<LastReload> last_reload;
    std::size_t listening_sockets = 0;
    std::uint64_t memory_bytes_max = 0;  // 0: not known
    std::string memory_bound;            // how that is the sum
  };
  std::optional<Master> master;
};

std::string status_document(shm::Zones& zones, const StatusFacts& facts);

}  // namespace weir::process
