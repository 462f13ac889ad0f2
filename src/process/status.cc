#include "process/status.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/json.h"
#include "base/version.h"

namespace weir::process {
namespace {

Json counters_of(const shm::CounterValues& values) {
  Json out = Json::object();
  for (std::size_t i = 0; i < shm::counter_count; ++i) {
    out[std::string(shm::counter_table[i].name)] = values[i];
  }
  return out;
}

// What came out for what went in; nothing where nothing did.
Json coded(const shm::CounterValues& values, shm::Count shm::CounterRow::*in,
           shm::Count shm::CounterRow::*out, bool compresses) {
  const auto value = [&values](shm::Count shm::CounterRow::*member) {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < shm::counter_count; ++i) {
      if (shm::counter_table[i].member == member) found = values[i];
    }
    return found;
  };
  const std::uint64_t bytes_in = value(in), bytes_out = value(out);
  const std::uint64_t coded = compresses ? bytes_out : bytes_in;
  const std::uint64_t plain = compresses ? bytes_in : bytes_out;
  Json it{{"bytes_in", bytes_in}, {"bytes_out", bytes_out}};
  if (coded != 0) {
    const double ratio = static_cast<double>(plain) / static_cast<double>(coded);
    it["ratio"] = std::round(ratio * 100) / 100;
  }
  return it;
}

Json compression_of(const shm::CounterValues& values) {
  using Row = shm::CounterRow;
  return {{"br", coded(values, &Row::compressed_br_bytes_in, &Row::compressed_br_bytes_out, true)},
          {"zstd",
           coded(values, &Row::compressed_zstd_bytes_in, &Row::compressed_zstd_bytes_out, true)},
          {"gzip",
           coded(values, &Row::compressed_gzip_bytes_in, &Row::compressed_gzip_bytes_out, true)},
          {"deflate", coded(values, &Row::compressed_deflate_bytes_in,
                            &Row::compressed_deflate_bytes_out, true)},
          {"decompressed",
           coded(values, &Row::decompressed_bytes_in, &Row::decompressed_bytes_out, false)}};
}

Json process_of(shm::Zones& zones, const shm::SlotInfo& info, std::int64_t now_ns) {
  Json out{{"slot", info.id.index},
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

Json master_of(const StatusFacts::Master& master) {
  Json generations = Json::array();
  for (const auto& generation : master.generations) {
    generations.push_back({{"number", generation.number},
                           {"state", generation.state},
                           {"workers", generation.workers}});
  }
  Json out{{"pid", master.pid},
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

Json peer_of(const PeerView& peer, std::int64_t now_ns) {
  const shm::PeerInfo& info = peer.info;
  const shm::PeerTotals& totals = peer.totals;
  const auto ms_ago = [now_ns](std::int64_t then_ns) {
    return std::max<std::int64_t>(0, now_ns - then_ns) / 1000000;
  };
  Json out{{"url", peer.url},
           {"address", info.address},
           {"host", info.host},
           {"static", peer.is_static},
           {"status", std::string(shm::name(info.word.health))},
           {"probed", info.word.probed},
           {"ejected", peer.ejected(now_ns)},
           {"order", std::string(shm::name(peer.order))},
           {"backup", peer.backup},
           {"weight", peer.weight}};
  if (peer.is_static) {
    out["configured"] = {{"weight", peer.configured.weight},
                         {"backup", peer.configured.backup},
                         {"order", std::string(shm::name(peer.configured.order))}};
  }
  // Times that have not come yet are left out.
  if (info.since_ns != 0) out["in_state_ms"] = ms_ago(info.since_ns);
  if (info.healthy_ns != 0) out["healthy_ms_ago"] = ms_ago(info.healthy_ns);
  if (info.probed_ns != 0) {
    out["probed_ms_ago"] = ms_ago(info.probed_ns);
    out["probe_us"] = info.probe_us;
  }
  out["probes"] = info.probes;
  out["probe_failures"] = info.probe_failures;
  out["consecutive_failures"] = info.failed_in_a_row;
  out["ejections"] = info.ejections;
  out["in_flight"] = totals.in_flight;
  out["requests"] = totals.requests;
  out["failures"] = totals.failures;
  out["answers_5xx"] = totals.answers_5xx;
  std::uint64_t answers = 0;
  for (const std::uint64_t count : totals.latency) answers += count;
  if (answers != 0) {
    out["latency_us"] = {{"mean", totals.latency_us / answers},
                         {"p50", LatencyScale::percentile_us(totals.latency, 0.5)},
                         {"p99", LatencyScale::percentile_us(totals.latency, 0.99)}};
  }
  if (info.load_ns != 0) {
    out["load"] = {{"cpu", info.load.cpu / 65535.0},
                   {"memory", info.load.memory / 65535.0},
                   {"ms_ago", ms_ago(info.load_ns)}};
  }
  if (!info.error.empty()) out["last_error"] = info.error;
  return out;
}

Json upstreams_of(const shm::PeerTable& table, const StatusFacts& facts, std::int64_t now_ns) {
  Json all = Json::array();
  for (const UpstreamView& upstream : view_of(table, facts.upstreams)) {
    Json peers = Json::array();
    for (const PeerView& peer : upstream.peers) peers.push_back(peer_of(peer, now_ns));
    Json discover = Json::array();
    for (const FoundFacts& line : upstream.discover) {
      discover.push_back({{"weight", line.weight}, {"backup", line.backup}});
    }
    Json& group = all.emplace_back();
    group["name"] = upstream.name;
    group["scheme"] = upstream.scheme;
    group["checked"] = upstream.checked;
    if (!discover.empty()) group["discover"] = std::move(discover);
    group["peers"] = std::move(peers);
  }
  return all;
}

Json caches_of(const cache::Stores& stores) {
  Json all = Json::array();
  for (const cache::Stores::Named& named : stores.all()) {
    const cache::StoreStats stats = named.store->stats();
    Json& it = all.emplace_back();
    it = Json({{"name", std::string(named.name)},
               {"bytes", stats.bytes_used},
               {"bytes_max", stats.bytes_max},
               {"entries", stats.entries},
               {"entries_max", stats.entries_max},
               {"stored", stats.stored},
               {"evicted", stats.evicted},
               {"expired", stats.expired},
               {"purged", stats.purged},
               {"damaged", stats.damaged},
               {"copies", stats.copies},
               {"no_room", stats.no_room},
               {"lock_timeouts", stats.lock_timeouts},
               {"moved_bytes", stats.moved_bytes},
               {"hits", stats.served.hits},
               {"misses", stats.served.misses},
               {"revalidated", stats.served.revalidated},
               {"stale", stats.served.stale},
               {"bypassed", stats.served.bypassed},
               {"collapsed", stats.served.collapsed},
               {"bytes_out", stats.served.bytes_out}});
    if (stats.disk_bytes_max == 0) continue;
    it["disk"] = {{"bytes", stats.disk_bytes},
                  {"bytes_max", stats.disk_bytes_max},
                  {"entries", stats.disk_entries},
                  {"entries_max", stats.disk_entries_max},
                  {"loaded", stats.disk_loaded},
                  {"hits", stats.disk_hits},
                  {"stored", stats.disk_stored},
                  {"evicted", stats.disk_evicted},
                  {"damaged", stats.disk_damaged},
                  {"dropped", stats.disk_dropped},
                  {"write_errors", stats.disk_write_errors}};
  }
  return all;
}

}  // namespace

std::string status_document(shm::Zones& zones, const StatusFacts& facts) {
  const std::int64_t now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
  Json out{{"version", std::string(version)}, {"generation", facts.generation}};
  if (facts.master) out["master"] = master_of(*facts.master);
  Json processes = Json::array();
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones.slots.info(i);
    if (info.state != shm::SlotState::free) processes.push_back(process_of(zones, info, now_ns));
  }
  out["processes"] = std::move(processes);
  out["upstreams"] = upstreams_of(zones.peers, facts, now_ns);
  if (facts.stores != nullptr) out["caches"] = caches_of(*facts.stores);
  shm::CounterValues values{};
  out["counters_exact"] = zones.stats.sum(values);
  out["counters"] = counters_of(values);
  out["compression"] = compression_of(values);
  const shm::Zones::LogLosses losses = zones.log_losses();
  out["log_lines"] = {
      {"dropped", losses.dropped}, {"lost", losses.lost}, {"damaged_rings", losses.damaged}};
  return dump_json(out, 2) + "\n";
}

}  // namespace weir::process
