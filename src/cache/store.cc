#include "cache/store.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <ctime>

#include "base/hash.h"
#include "cache/cores.h"

namespace weir::cache {
namespace {

constexpr std::string_view zone_prefix = "cache:";

// A number for each nanosecond that a zone lives: more than it can give.
std::uint64_t seq_of_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

constexpr std::size_t name_most = 9;  // of a zone's 15 bytes, as /proc/PID/maps shows it

std::string name_of_zone(std::string_view name) {
  return std::string(zone_prefix).append(name.substr(0, name_most));
}

Result<Ok> make_wakes(Wakes& wakes) {
  for (Fd& wake : wakes) {
    wake = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) return Error{Side::self, "eventfd failed"};
  }
  return Ok{};
}

}  // namespace

Store::Store(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::create(std::string_view name, const StoreSizes& sizes) {
  const Geometry geometry = Geometry::of(sizes);
  std::string zone_name = name_of_zone(name);
  auto zone = shm::Zone::create(geometry.kind(zone_name), geometry.body_bytes, geometry.body_bytes,
                                shm::random_id());
  if (!zone) return zone.error();
  auto inner = std::make_unique<Inner>(std::move(zone_name), std::move(*zone), geometry);
  if (auto made = make_wakes(inner->wakes); !made) return made.error();
  Control& control = *inner->memory.control;
  if (!make_lock(control)) return Error{Side::self, "a lock could not be made"};
  // What is on disk has numbers of zones that are gone: those of this one come behind them all.
  const std::uint64_t first = inner->disk.exists() ? seq_of_now() : seq_first;
  control.seq.store(first);
  if (inner->disk.exists()) inner->memory.disk->first.store(first);
  Derived& derived = control.derived;
  derived.free_segments.store(geometry.segments);
  derived.open[0] = derived.open[1] = derived.victim = nothing;
  inner->queues.reset();
  return std::unique_ptr<Store>(new Store(std::move(inner)));
}

Result<std::unique_ptr<Store>> Store::attach(std::string_view name, const StoreSizes& sizes,
                                             Fd zone) {
  const Geometry geometry = Geometry::of(sizes);
  std::string zone_name = name_of_zone(name);
  auto attached = shm::Zone::attach(std::move(zone), geometry.kind(zone_name), Access::read_write);
  if (!attached) return attached.error();
  return std::unique_ptr<Store>(
      new Store(std::make_unique<Inner>(std::move(zone_name), std::move(*attached), geometry)));
}

Result<std::unique_ptr<Store>> Store::view(Address address) const {
  const std::string_view name = std::string_view(inner_->name).substr(zone_prefix.size());
  auto view = attach(name, sizes(), Fd(::dup(inner_->zone.fd())));
  if (!view) return view.error();
  Inner& inner = *(*view)->inner_;
  for (std::size_t i = 0; i < inner.wakes.size(); ++i) {
    inner.wakes[i] = Fd(::dup(inner_->wakes[i].get()));
  }
  if (address == Address::same) {
    inner.memory = inner_->memory;
    inner.memory.self = nothing;
  }
  return view;
}

std::uint64_t Store::zone_bytes(const StoreSizes& sizes) {
  return Geometry::of(sizes).body_bytes + shm::header_bytes;
}

std::uint64_t Store::keeper_bytes(const StoreSizes& sizes) {
  if (sizes.disk_bytes == 0) return 0;
  constexpr std::uint64_t order_bytes = 2 * 16, purges_bytes = 16U << 20;
  const Geometry it = Geometry::of(sizes);
  return it.disk_entries_most * order_bytes + it.object_bytes_most + purges_bytes;
}

const StoreSizes& Store::sizes() const { return inner_->memory.geometry.sizes; }
const shm::Zone& Store::zone() const { return inner_->zone; }

void Store::enter(shm::SlotId self) {
  assert(self.index < shm::slot_count);
  inner_->memory.self = self.index;
  auto& high = inner_->memory.control->slots_high;
  std::uint32_t was = high.load();
  while (was <= self.index && !high.compare_exchange_weak(was, self.index + 1)) {
  }
  // And those before it: what came by way of two is removed in the first.
  for (Inner* it = inner_.get(); it != nullptr;) {
    it->earlier_held = it->earlier.lock();
    it = it->earlier_held != nullptr ? it->earlier_held->inner_.get() : nullptr;
  }
}

void Store::follow(const std::shared_ptr<Store>& before) {
  Control& control = *inner_->memory.control;
  inner_->earlier = before;
  control.compared.store(before->inner_->removals());
  control.earlier.store(Earlier::comes);
}

std::vector<int> Store::wake_fds() const {
  std::vector<int> fds;
  for (const Fd& wake : inner_->wakes) fds.push_back(wake.get());
  return fds;
}

int Store::wake_fd() const { return inner_->wakes[inner_->memory.self].get(); }

void Store::on_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_fd(), &count, sizeof count);
  inner_->tell_followers();
}

Key Store::key(std::string_view text) const {
  const std::uint64_t hash = siphash(inner_->secret, text);
  return {text, hash == 0 ? 1 : hash};
}

std::uint64_t Store::tag_hash(std::string_view tag) {
  const std::uint64_t hash = hash64(tag);
  return hash == 0 ? 1 : hash;
}

Found Store::find(const Key& key) { return inner_->find(key); }

std::uint32_t Store::count_use(const Key& key) { return inner_->uses.count(key.hash); }

bool Store::wish(const Key& key, std::uint32_t how) {
  const std::uint32_t number = inner_->index.find(key.hash);
  return number != nothing && inner_->wishes.put({how, number});
}

std::optional<Store::Wish> Store::take_wish() {
  const auto wish = inner_->wishes.take();
  if (!wish) return std::nullopt;
  Wish out{wish->how};
  if (wish->entry >= inner_->index.capacity()) return out;
  const std::uint64_t hash = inner_->index.tag(wish->entry).load(std::memory_order_acquire);
  if (hash == 0) return out;
  Inner::Source source = inner_->source_of(hash);
  out.key = std::move(source.key);
  out.reader = std::move(source.reader);
  return out;
}

Joined Store::join(const Key& key, FollowerOwner& owner, std::optional<std::uint64_t> seen) {
  return inner_->join(key, owner, seen);
}

Follower Store::fetch(const Key& key, FollowerOwner& owner) { return inner_->fetch(key, owner); }

bool Store::freshen(const Key& key, Reader& stored, const Facts& facts, std::string_view fields) {
  return stored && inner_->freshen(key, stored, facts, fields);
}

bool Store::remove(const Key& key) { return inner_->remove(key, false, false); }
bool Store::purge(const Key& key, bool soft) { return inner_->remove(key, soft, true); }

bool Store::purge_prefix(std::string_view key_prefix, bool soft) {
  return inner_->purge_prefix(key_prefix, soft);
}

void Store::purge_tag(std::uint64_t tag, bool soft) { inner_->purge_tag(tag, soft); }

void Store::purge_all(bool soft) {
  inner_->purges.all(soft);
  inner_->disk.wake();
}

void Store::clean_dead(shm::SlotId dead) { inner_->clean_dead(dead.index); }

std::uint64_t Store::index_bytes() const {
  const Geometry& it = inner_->memory.geometry;
  return std::uint64_t{it.buckets} * sizeof(Bucket) + std::uint64_t{it.ghost_sets} * sizeof(Ghosts);
}

void Store::count(const Served& more) {
  Row& row = inner_->memory.rows[inner_->memory.self];
  for (std::size_t at = 0; at < served_counts; ++at) {
    const std::uint64_t by = more.*served_members[at];
    if (by == 0) continue;
    std::atomic<std::uint64_t>& cell = row.served[at];
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
}

StoreStats Store::stats() const {
  const Memory& memory = inner_->memory;
  const Control& it = *memory.control;
  const auto get = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  StoreStats stats;
  stats.bytes_max = memory.geometry.live_most * unit_bytes;
  stats.bytes_used = get(it.derived.live) * unit_bytes;
  stats.entries_max = memory.geometry.entries_most;
  stats.entries = get(it.derived.entries);
  stats.stored = get(it.stored);
  stats.copies = get(it.copies);
  stats.evicted = get(it.evicted);
  stats.expired = get(it.expired);
  stats.purged = get(it.purged);
  stats.damaged = get(it.damaged);
  stats.no_room = get(it.no_room);
  stats.lock_timeouts = get(it.lock_timeouts);
  stats.segments = memory.geometry.segments;
  stats.segments_free = get(it.derived.free_segments);
  stats.moved_bytes = get(it.moved);
  if (memory.disk != nullptr) {
    const DiskControl& disk = *memory.disk;
    stats.disk_bytes_max = memory.geometry.sizes.disk_bytes;
    stats.disk_bytes = get(disk.blocks) * disk_block_bytes;
    stats.disk_entries_max = memory.geometry.disk_entries_most;
    stats.disk_entries = get(disk.entries);
    stats.disk_hits = get(disk.hits);
    stats.disk_stored = get(disk.stored);
    stats.disk_evicted = get(disk.evicted);
    stats.disk_damaged = get(disk.damaged);
    stats.disk_dropped = get(disk.dropped);
    stats.disk_write_errors = get(disk.write_errors);
    stats.disk_loaded = get(disk.loaded) != 0;
  }
  for (std::uint32_t segment = 0; segment < memory.geometry.segments; ++segment) {
    stats.segments_pinned += inner_->segments.is_pinned(segment);
  }
  for (std::uint32_t slot = 0; slot < shm::slot_count; ++slot) {
    for (std::size_t at = 0; at < served_counts; ++at)
      stats.served.*served_members[at] += get(memory.rows[slot].served[at]);
  }
  return stats;
}

}  // namespace weir::cache
