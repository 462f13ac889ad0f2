#include "tools/top/frame.h"

#include <algorithm>

#include "http/content_coding.h"

namespace weir::top {
namespace {

using process::PeerView;

// A cell that was given back and claimed anew counts from 0 again.
std::uint64_t since(std::uint64_t before, std::uint64_t now) {
  return now >= before ? now - before : now;
}

std::optional<std::int64_t> ms_ago(std::int64_t then_ns, std::int64_t now_ns) {
  if (then_ns == 0) return {};
  return std::max<std::int64_t>(0, now_ns - then_ns) / 1'000'000;
}

PeerRates rates_of(const shm::PeerTotals& before, const shm::PeerTotals& now, double seconds) {
  PeerRates out;
  const std::uint64_t requests = since(before.requests, now.requests);
  const std::uint64_t bad =
      since(before.failures, now.failures) + since(before.answers_5xx, now.answers_5xx);
  out.requests = static_cast<double>(requests) / seconds;
  // Those that failed now may have begun before.
  const std::uint64_t of = std::max(requests, bad);
  out.errors = of == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(of);
  std::uint64_t latencies[LatencyScale::buckets];
  for (std::size_t i = 0; i < LatencyScale::buckets; ++i) {
    latencies[i] = since(before.latency[i], now.latency[i]);
  }
  out.p50_us = LatencyScale::percentile_us(latencies, 0.5);
  out.p99_us = LatencyScale::percentile_us(latencies, 0.99);
  return out;
}

void judge(const PeerView& peer, std::int64_t now_ns, PeerRow& out) {
  const bool ejected = peer.ejected(now_ns);
  out.status = shm::name(peer.info.word.health);
  if (ejected) out.status += ", ejected";
  switch (peer.info.word.said) {
    case shm::Said::ready: break;
    case shm::Said::drain: out.status += ", its agent: drain"; break;
    case shm::Said::maintenance: out.status += ", its agent: maintenance"; break;
  }
  if (peer.info.word.said_down) out.status += ", its agent: down";
  if (peer.order != shm::Order::none) out.status.append(", ").append(shm::name(peer.order));
  if (peer.backup) out.status += ", backup";
  out.healthy = peer.info.word.health == shm::Health::healthy && !ejected;
  if (peer.order == shm::Order::disabled || peer.order == shm::Order::removed) {
    out.mood = Mood::dim;
  } else if (peer.info.word.health == shm::Health::unreachable) {
    out.mood = Mood::bad;
  } else if (ejected || peer.order == shm::Order::drained || peer.info.failed_in_a_row != 0) {
    out.mood = Mood::fair;
  } else {
    out.mood = out.healthy ? Mood::good : Mood::plain;
  }
}

PeerRow row_of(const std::string& group, const PeerView* before, const PeerView& peer,
               std::int64_t now_ns, double seconds) {
  PeerRow out;
  out.group = group;
  out.address = peer.info.address;
  out.url = peer.url;
  judge(peer, now_ns, out);
  out.failures = peer.totals.failures;
  out.probe_failures = peer.info.probe_failures;
  out.failed_in_a_row = peer.info.failed_in_a_row;
  out.healthy_ms_ago = ms_ago(peer.info.healthy_ns, now_ns);
  out.in_state_ms = ms_ago(peer.info.since_ns, now_ns);
  out.probe_us = peer.info.probe_us;
  out.in_flight = peer.totals.in_flight;
  out.requests = peer.totals.requests;
  if (seconds > 0) {
    out.rates =
        rates_of(before != nullptr ? before->totals : shm::PeerTotals{}, peer.totals, seconds);
  }
  out.weight = peer.weight;
  if (peer.info.load_ns != 0) out.load = peer.info.load;
  out.error = peer.info.error;
  return out;
}

WorkerRow row_of(const WorkerReading* before, const WorkerReading& worker, std::int64_t now_ns,
                 double seconds) {
  WorkerRow out;
  out.pid = worker.pid;
  out.generation = worker.generation;
  out.state = worker.state;
  out.silent_ms = ms_ago(worker.heartbeat_ns, now_ns);
  out.connections = worker.connections;
  out.at = worker.at;
  if (worker.state == "dead" || (out.silent_ms && *out.silent_ms >= silence_ms)) {
    out.mood = Mood::bad;
  } else {
    out.mood = worker.state == "ready" ? Mood::good : Mood::fair;
  }
  if (before == nullptr || seconds <= 0) return out;
  out.requests = static_cast<double>(since(before->requests, worker.requests)) / seconds;
  if (before->cpu_ns >= 0 && worker.cpu_ns >= before->cpu_ns) {
    out.cpu = static_cast<double>(worker.cpu_ns - before->cpu_ns) / 1e9 / seconds;
  }
  return out;
}

std::optional<double> share_of(std::uint64_t hits, std::uint64_t others) {
  if (hits + others == 0) return {};
  return static_cast<double>(hits) / static_cast<double>(hits + others);
}

CacheRow row_of(const CacheReading* before, const CacheReading& cache, double seconds) {
  CacheRow out;
  out.name = cache.name;
  out.bytes = cache.bytes;
  out.bytes_max = cache.bytes_max;
  out.entries = cache.entries;
  out.disk_bytes = cache.disk_bytes;
  out.disk_bytes_max = cache.disk_bytes_max;
  out.disk_entries = cache.disk_entries;
  out.disk_write_errors = cache.disk_write_errors;
  out.hits.in_all = share_of(cache.hits, cache.misses + cache.revalidated);
  if (before == nullptr) return out;
  out.hits.now =
      share_of(since(before->hits, cache.hits),
               since(before->misses, cache.misses) + since(before->revalidated, cache.revalidated));
  if (seconds <= 0) return out;
  if (cache.disk_bytes_max != 0)
    out.disk_hits = static_cast<double>(since(before->disk_hits, cache.disk_hits)) / seconds;
  out.stored = static_cast<double>(since(before->stored, cache.stored)) / seconds;
  out.evicted = static_cast<double>(since(before->evicted, cache.evicted)) / seconds;
  out.bytes_out = static_cast<double>(since(before->bytes_out, cache.bytes_out)) / seconds;
  return out;
}

const CacheReading* find_cache(const Reading* in, const CacheReading& same) {
  if (in == nullptr) return nullptr;
  for (const CacheReading& cache : in->caches) {
    if (cache.name == same.name && cache.bytes_max == same.bytes_max &&
        cache.entries_max == same.entries_max) {
      return &cache;
    }
  }
  return nullptr;
}

CacheHits hits_of(const Reading* before, const Reading& now) {
  const auto share = [&](const Reading* than) -> std::optional<double> {
    const auto counted = [&](std::string_view name) {
      return since(than != nullptr ? than->counter(name) : 0, now.counter(name));
    };
    return share_of(counted("cache_hits"), counted("cache_misses") + counted("cache_revalidated"));
  };
  CacheHits out;
  out.in_all = share(nullptr);
  if (before != nullptr) out.now = share(before);
  return out;
}

std::vector<CodingRow> codings_of(const Reading* before, const Reading& now, double seconds) {
  std::vector<CodingRow> out;
  const auto add = [&](std::string_view name, const std::string& counted, bool compresses) {
    const std::string in = counted + "_bytes_in", made = counted + "_bytes_out";
    CodingRow row;
    row.name = name;
    row.bytes_in = now.counter(in);
    row.bytes_out = now.counter(made);
    if (row.bytes_in == 0 && row.bytes_out == 0) return;
    const auto coded = static_cast<double>(compresses ? row.bytes_out : row.bytes_in);
    const auto plain = static_cast<double>(compresses ? row.bytes_in : row.bytes_out);
    row.ratio = coded > 0 ? plain / coded : 0;
    if (before != nullptr && seconds > 0) {
      row.in_rate = static_cast<double>(since(before->counter(in), row.bytes_in)) / seconds;
      row.out_rate = static_cast<double>(since(before->counter(made), row.bytes_out)) / seconds;
    }
    out.push_back(std::move(row));
  };
  for (const ContentCoding coding : real_codings) {
    const std::string name(coding_name(coding));
    add(name, "compressed_" + name, true);
  }
  add("decompressed", "decompressed", false);
  return out;
}

// Mostly at the same place as before: `group` and `at` are where it is now.
const PeerView* find_peer(const Reading* in, std::size_t group, std::size_t at,
                          const process::UpstreamView& upstream) {
  if (in == nullptr) return nullptr;
  const std::string& address = upstream.peers[at].info.address;
  const auto& groups = in->upstreams;
  auto found = groups.begin() + static_cast<std::ptrdiff_t>(std::min(group, groups.size()));
  if (found == groups.end() || found->name != upstream.name) {
    found = std::find_if(groups.begin(), groups.end(),
                         [&](const auto& other) { return other.name == upstream.name; });
  }
  if (found == groups.end()) return nullptr;
  const auto& peers = found->peers;
  if (at < peers.size() && peers[at].info.address == address) return &peers[at];
  const auto peer = std::find_if(peers.begin(), peers.end(), [&](const PeerView& other) {
    return other.info.address == address;
  });
  return peer != peers.end() ? &*peer : nullptr;
}

const WorkerReading* find_worker(const Reading* in, const WorkerReading& same) {
  if (in == nullptr) return nullptr;
  for (const WorkerReading& worker : in->workers) {
    if (worker.slot == same.slot && worker.incarnation == same.incarnation) return &worker;
  }
  return nullptr;
}

}  // namespace

std::uint64_t Reading::counter(std::string_view name) const {
  for (std::size_t i = 0; i < shm::counter_count; ++i) {
    if (shm::counter_table[i].name == name) return counters[i];
  }
  return 0;
}

Frame frame_of(const Reading* before, const Reading& now) {
  Frame out;
  out.master = now.master;
  if (before != nullptr) out.seconds = static_cast<double>(now.now_ns - before->now_ns) / 1e9;
  for (std::size_t at = 0; at < now.upstreams.size(); ++at) {
    const auto& upstream = now.upstreams[at];
    GroupRows& group = out.groups.emplace_back();
    group.name = upstream.name;
    group.checked = upstream.checked;
    for (std::size_t i = 0; i < upstream.peers.size(); ++i) {
      group.peers.push_back(row_of(upstream.name, find_peer(before, at, i, upstream),
                                   upstream.peers[i], now.now_ns, out.seconds));
    }
  }
  for (const WorkerReading& worker : now.workers) {
    out.workers.push_back(row_of(find_worker(before, worker), worker, now.now_ns, out.seconds));
  }
  const double caches_seconds =
      before != nullptr ? static_cast<double>(now.caches_ns - before->caches_ns) / 1e9 : 0;
  for (const CacheReading& cache : now.caches) {
    out.caches.push_back(row_of(find_cache(before, cache), cache, caches_seconds));
  }
  out.hits = hits_of(before, now);
  out.codings = codings_of(before, now, out.seconds);
  out.connections = now.counter("connections_active");
  out.requests = now.counter("requests");
  out.requests_active = now.counter("requests_active");
  if (before != nullptr && out.seconds > 0) {
    const std::uint64_t requests = since(before->counter("requests"), out.requests);
    const std::uint64_t bad = since(before->counter("responses_5xx"), now.counter("responses_5xx"));
    out.requests_rate = static_cast<double>(requests) / out.seconds;
    const std::uint64_t of = std::max(requests, bad);
    out.errors = of == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(of);
  }
  return out;
}

}  // namespace weir::top
