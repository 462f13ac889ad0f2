#include "process/status.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/version.h"

namespace weir::process {
namespace {

using json = nlohmann::ordered_json;

json counters_of(const shm::CounterValues& values) {
  json out = json::object();
  for (std::size_t i = 0; i < shm::counter_count; ++i) {
    out[std::string(shm::counter_table[i].name)] = values[i];
  }
  return out;
}

json process_of(shm::Zones& zones, const shm::SlotInfo& info, std::int64_t now_ns) {
  json out{{"slot", info.id.index},
           {"role", std::string(shm::name(info.role))},
           {"state", std::string(shm::name(info.state))},
           {"pid", info.pid},
           {"generation", info.generation}};
  if (info.heartbeat_ns != 0) {
    out["silent_ms"] = std::max<std::int64_t>(0, now_ns - info.heartbeat_ns) / 1000000;
  }
  if (info.role == shm::Role::worker) {
    const shm::CounterRow& row = zones.stats.row(info.id.index);
    out["connections"] = row.connections_active.get();
    out["requests"] = row.requests.get();
    if (const std::string crumb = zones.slots.breadcrumb(info.id.index); !crumb.empty()) {
      out["at"] = crumb;
    }
  }
  return out;
}

json master_of(const StatusFacts::Master& master) {
  json generations = json::array();
  for (const auto& generation : master.generations) {
    generations.push_back({{"number", generation.number},
                           {"state", generation.state},
                           {"workers", generation.workers}});
  }
  json out{{"pid", master.pid},
           {"uptime_s", master.uptime_s},
           {"reload", master.reload_state},
           {"listening_sockets", master.listening_sockets},
           {"generations", std::move(generations)}};
  if (master.memory_bytes_max != 0) {
    out["memory_bytes_max"] = master.memory_bytes_max;
    out["memory_bound"] = master.memory_bound;
  }
  if (master.last_reload) {
    out["last_reload"] = {{"ok", master.last_reload->ok},
                          {"took_ms", master.last_reload->took_ms},
                          {"report", master.last_reload->report}};
  }
  return out;
}

}  // namespace

std::string status_document(shm::Zones& zones, const StatusFacts& facts) {
  const std::int64_t now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
  json out{{"version", std::string(version)}, {"generation", facts.generation}};
  if (facts.master) out["master"] = master_of(*facts.master);
  json processes = json::array();
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones.slots.info(i);
    if (info.state != shm::SlotState::free) processes.push_back(process_of(zones, info, now_ns));
  }
  out["processes"] = std::move(processes);
  shm::CounterValues values{};
  out["counters_exact"] = zones.stats.sum(values);
  out["counters"] = counters_of(values);
  const shm::Zones::LogLosses losses = zones.log_losses();
  out["log_lines"] = {
      {"dropped", losses.dropped}, {"lost", losses.lost}, {"damaged_rings", losses.damaged}};
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace weir::process
