#include "process/memory_bound.h"

#include <algorithm>

#include <fmt/format.h>

#include "cache/rules.h"
#include "os/memory.h"
#include "os/process.h"
#include "process/cache_keeper.h"
#include "process/compressor.h"
#include "process/instance.h"

namespace weir::process {
namespace {

constexpr unsigned others = 3;  // master, housekeeper, logger
// What a process adds to the memory it was forked with, whatever it does: pages of the program and
// of libraries that nobody had touched before, stacks, the allocator's first steps.
constexpr std::uint64_t own_bytes = std::uint64_t{4} << 20;

std::uint64_t mib(std::uint64_t bytes) { return (bytes + 1048575) >> 20; }

// Rings are backed by memory when a process takes its slot for the first time.
std::uint64_t zone_bytes(const conf::MainConf& main, unsigned workers) {
  const auto ring_bytes = static_cast<std::uint32_t>(main.log_ring_size->bytes);
  const std::uint64_t ring = shm::RingTable::body_bytes(ring_bytes) / shm::slot_count;
  const std::uint64_t generations = *main.old_generations_max + 2;  // one serves, one starts
  const std::uint64_t processes =
      std::min<std::uint64_t>(generations * workers + 2 * others, shm::slot_count);
  const std::uint32_t peers = *main.upstream_peers_max;
  return sizeof(shm::SlotsBody) + sizeof(shm::StatsBody) + sizeof(shm::TicketsBody) +
         shm::PeerTable::shared_bytes(peers) +
         shm::SessionTable::body_bytes(*main.sticky_sessions_max) +
         generations * workers * shm::PeerTable::region_bytes(peers) + processes * ring;
}

}  // namespace

MemoryBound memory_bound(const conf::Config& config, const Application& application) {
  const conf::MainConf& main = config.main;
  const std::uint64_t files =
      main.worker_rlimit_nofile->automatic() ? fd_limit_hard() : main.worker_rlimit_nofile->count;
  const WorkerBound worker = application.worker_bound(config, files);
  MemoryBound out;
  if (worker.bytes == 0) return out;
  const unsigned workers = workers_of(config);
  std::uint64_t zones = zone_bytes(main, workers);
  for (const conf::CacheConf& cache : config.caches)
    zones += cache::Store::zone_bytes(cache::store_sizes(cache));
  const std::uint64_t program = memory::resident() + own_bytes;
  std::uint64_t keeper = 0;
  if (needs_cache_keeper(config)) {
    keeper = program;
    for (const conf::CacheConf& cache : config.caches)
      keeper += cache::Store::keeper_bytes(cache::store_sizes(cache));
  }
  const std::uint64_t compressor =
      needs_compressor(config) ? program + compressor_bytes(config) : 0;
  out.bytes = zones + (workers + others) * program + workers * worker.bytes + keeper + compressor;
  const std::string of_keeper =
      keeper == 0 ? std::string() : fmt::format(" + cache keeper {} MiB", mib(keeper));
  const std::string of_compressor =
      compressor == 0 ? std::string() : fmt::format(" + compressor {} MiB", mib(compressor));
  out.text = fmt::format(
      "at most {} MiB: zones {} MiB + {} processes x {} MiB + {} workers x {} MiB ({}){}{}. "
      "Besides: "
      "what the kernel holds for sockets, and until they have finished the workers of up to {} "
      "older generations",
      mib(out.bytes), mib(zones), workers + others, mib(program), workers, mib(worker.bytes),
      worker.text, of_keeper, of_compressor, *main.old_generations_max);
  return out;
}

}  // namespace weir::process
