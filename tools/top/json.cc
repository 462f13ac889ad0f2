#include "tools/top/json.h"

#include "base/json.h"

namespace weir::top {
namespace {

template <class T>
void put(Json& out, const char* key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}

Json peer_of(const PeerRow& row) {
  Json out{{"url", row.url},
           {"status", row.status},
           {"healthy", row.healthy},
           {"failures", row.failures},
           {"probe_failures", row.probe_failures},
           {"consecutive_failures", row.failed_in_a_row}};
  put(out, "healthy_ms_ago", row.healthy_ms_ago);
  put(out, "in_state_ms", row.in_state_ms);
  if (row.probe_us != 0) out["probe_us"] = row.probe_us;
  out["in_flight"] = row.in_flight;
  out["requests"] = row.requests;
  if (row.rates) {
    out["requests_per_s"] = row.rates->requests;
    out["error_share"] = row.rates->errors;
    out["p50_us"] = row.rates->p50_us;
    out["p99_us"] = row.rates->p99_us;
  }
  out["weight"] = row.weight;
  if (row.load) {
    out["load"] = {{"cpu", row.load->cpu / 65535.0}, {"memory", row.load->memory / 65535.0}};
  }
  if (!row.error.empty()) out["last_error"] = row.error;
  return out;
}

Json worker_of(const WorkerRow& row) {
  Json out{{"pid", row.pid}, {"generation", row.generation}, {"state", row.state}};
  put(out, "silent_ms", row.silent_ms);
  out["connections"] = row.connections;
  put(out, "requests_per_s", row.requests);
  put(out, "cpu_share", row.cpu);
  if (!row.at.empty()) out["at"] = row.at;
  return out;
}

Json cache_of(const CacheRow& row) {
  Json out{{"name", row.name},
           {"bytes", row.bytes},
           {"bytes_max", row.bytes_max},
           {"entries", row.entries}};
  put(out, "stored_per_s", row.stored);
  put(out, "evicted_per_s", row.evicted);
  put(out, "bytes_out_per_s", row.bytes_out);
  put(out, "hit_share", row.hits.now);
  put(out, "hit_share_in_all", row.hits.in_all);
  if (row.disk_bytes_max == 0) return out;
  out["disk_bytes"] = row.disk_bytes;
  out["disk_bytes_max"] = row.disk_bytes_max;
  out["disk_entries"] = row.disk_entries;
  out["disk_write_errors"] = row.disk_write_errors;
  put(out, "disk_hits_per_s", row.disk_hits);
  return out;
}

Json coding_of(const CodingRow& row) {
  Json out{{"name", row.name}, {"bytes_in", row.bytes_in}, {"bytes_out", row.bytes_out}};
  if (row.ratio > 0) out["ratio"] = row.ratio;
  put(out, "bytes_in_per_s", row.in_rate);
  put(out, "bytes_out_per_s", row.out_rate);
  return out;
}

}  // namespace

std::string json_of(const Frame& frame) {
  Json out{{"version", frame.master.version},         {"pid", frame.master.pid},
           {"answers", frame.master.answers},         {"uptime_ms", frame.master.uptime_ms},
           {"generation", frame.master.generation},   {"interval_s", frame.seconds},
           {"connections", frame.connections},        {"requests", frame.requests},
           {"requests_active", frame.requests_active}};
  put(out, "requests_per_s", frame.requests_rate);
  put(out, "error_share", frame.errors);
  out["upstreams"] = Json::array();
  for (const GroupRows& group : frame.groups) {
    Json peers = Json::array();
    for (const PeerRow& peer : group.peers) peers.push_back(peer_of(peer));
    out["upstreams"].push_back(
        {{"name", group.name}, {"checked", group.checked}, {"peers", std::move(peers)}});
  }
  out["workers"] = Json::array();
  for (const WorkerRow& worker : frame.workers) out["workers"].push_back(worker_of(worker));
  out["caches"] = Json::array();
  for (const CacheRow& cache : frame.caches) out["caches"].push_back(cache_of(cache));
  put(out, "cache_hit_share", frame.hits.now);
  put(out, "cache_hit_share_in_all", frame.hits.in_all);
  out["compression"] = Json::array();
  for (const CodingRow& coding : frame.codings) out["compression"].push_back(coding_of(coding));
  return dump_json(out, 2) + "\n";
}

}  // namespace weir::top
