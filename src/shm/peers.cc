#include "shm/peers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "shm/points.h"
#include "shm/snapshot_update.h"

namespace weir::shm {
namespace {

constexpr std::uint64_t hash_of(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = 14695981039346656037U;
  for (const std::string_view part : parts) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash = (hash ^ 0xff) * 1099511628211U;  // no byte of a name: parts don't run together
  }
  return hash > leaving_id ? hash : hash + 2;
}

// Texts one behind the other, each with its NUL; what has no room is cut.
template <std::size_t N>
std::array<std::uint64_t, N> words_of(std::initializer_list<std::string_view> texts) {
  std::array<std::uint64_t, N> words{};
  char* const bytes = reinterpret_cast<char*>(words.data());
  std::size_t at = 0;
  for (const std::string_view text : texts) {
    const std::size_t room = sizeof words - at;
    const std::size_t size = std::min(text.size(), room == 0 ? 0 : room - 1);
    text.copy(bytes + at, size);  // of no text, too
    at = std::min(at + size + 1, sizeof words);
  }
  return words;
}

template <std::size_t N>
std::array<std::string, 3> texts_of(const Snapshot<N>& from) {
  std::array<std::string, 3> texts;
  typename Snapshot<N>::Words words{};
  if (!from.read(words)) return texts;
  const std::string_view bytes(reinterpret_cast<const char*>(words.data()), sizeof words);
  std::size_t at = 0;
  for (std::string& text : texts) {
    const std::size_t end = std::min(bytes.find('\0', at), bytes.size());
    text = bytes.substr(at, end - at);
    at = std::min(end + 1, bytes.size());
  }
  return texts;
}

constexpr std::size_t up_to_page(std::size_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}
constexpr std::size_t up_to_line(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

template <class Cell>
std::optional<std::uint32_t> find_cell(const Cell* cells, std::uint32_t capacity,
                                       std::uint64_t id) {
  for (std::uint32_t i = 0; i < capacity; ++i) {
    if (cells[i].id.load(std::memory_order_acquire) == id) return i;
  }
  return std::nullopt;
}

// The cell of `id`, or the first free one, which is then its.
template <class Cell>
std::optional<std::uint32_t> claim_cell(Cell* cells, std::uint32_t capacity, std::uint64_t id) {
  if (const auto known = find_cell(cells, capacity, id)) return known;
  for (std::uint32_t i = 0; i < capacity; ++i) {
    std::uint64_t free = 0;
    // Two that claim the same peer at once meet at the same cell: they look in the same order.
    if (cells[i].id.compare_exchange_strong(free, id) || free == id) return i;
  }
  return std::nullopt;
}

std::size_t counters_bytes(std::uint32_t count) {
  return up_to_line(count * sizeof(std::atomic<std::uint32_t>));
}

std::size_t changes_bytes(std::uint32_t capacity) {
  return counters_bytes((capacity + cells_per_change - 1) / cells_per_change);
}

}  // namespace

std::string_view name(Health health) {
  switch (health) {
    case Health::not_initiated: return "NOT_INITIATED";
    case Health::healthy: return "HEALTHY";
    case Health::unreachable: return "UNREACHABLE";
  }
  return "";
}

std::string_view name(Order order) {
  switch (order) {
    case Order::none: return "";
    case Order::drained: return "drained";
    case Order::disabled: return "disabled";
    case Order::removed: return "removed";
  }
  return "";
}

std::uint64_t PeerName::id() const { return hash_of({group, address}); }
std::uint64_t group_id(std::string_view name) { return hash_of({name}); }

// --- the layout

std::size_t PeerTable::shared_bytes(std::uint32_t capacity) {
  return up_to_page(sizeof(PeersHead) + capacity * (sizeof(PeerCell) + sizeof(GroupCell)));
}

std::size_t PeerTable::region_bytes(std::uint32_t capacity) {
  return up_to_page(counters_bytes(capacity) + changes_bytes(capacity) +
                    capacity * (sizeof(GroupRow) + sizeof(PeerRow)));
}

std::size_t PeerTable::body_bytes(std::uint32_t capacity) {
  return shared_bytes(capacity) + slot_count * region_bytes(capacity);
}

std::atomic<std::uint32_t>* PeerTable::changes_of(std::uint32_t slot) const {
  return reinterpret_cast<std::atomic<std::uint32_t>*>(region(slot) + counters_bytes(capacity_));
}

GroupRow* PeerTable::group_rows_of(std::uint32_t slot) const {
  return reinterpret_cast<GroupRow*>(region(slot) + counters_bytes(capacity_) +
                                     changes_bytes(capacity_));
}

PeerRow* PeerTable::rows_of(std::uint32_t slot) const {
  return reinterpret_cast<PeerRow*>(group_rows_of(slot) + capacity_);
}

PeerTable::PeerTable(const Zone& zone, std::uint32_t capacity)
    : head_(zone.get<PeersHead>()), region_bytes_(region_bytes(capacity)), capacity_(capacity) {
  std::byte* const cells = zone.body().data() + sizeof(PeersHead);
  cells_ = reinterpret_cast<PeerCell*>(cells);
  groups_ = reinterpret_cast<GroupCell*>(cells + capacity * sizeof(PeerCell));
  regions_ = zone.body().data() + shared_bytes(capacity);
}

PeerTable PeerTable::format(const Zone& zone, std::uint32_t capacity) {
  assert(zone.body().size() == body_bytes(capacity));
  PeerTable table(zone, capacity);
  table.head_->capacity = capacity;
  return table;
}

Result<PeerTable> PeerTable::open(const Zone& zone) {
  const std::size_t bytes = zone.body().size();
  if (bytes < sizeof(PeersHead)) return Error{Side::self, "zone of a wrong size"};
  const std::uint32_t capacity = zone.get<PeersHead>()->capacity;
  if (capacity == 0 || capacity > peers_most || bytes != body_bytes(capacity)) {
    return Error{Side::self, "zone of a wrong size"};
  }
  return PeerTable(zone, capacity);
}

// --- cells

std::optional<std::uint32_t> PeerTable::find(std::uint64_t id) const {
  return find_cell(cells_, capacity_, id);
}

std::optional<std::uint32_t> PeerTable::claim(const PeerName& name, std::int64_t now_ns) const {
  const auto index = claim_cell(cells_, capacity_, name.id());
  if (!index) return index;
  SHM_POINT(peer_claimed);
  PeerCell& cell = cells_[*index];
  // Who claims at the same time, or after a claimer that died here, writes the same.
  if (cell.group.load(std::memory_order_acquire) == 0) {
    cell.claimed_ns.store(now_ns, std::memory_order_relaxed);
    cell.since_ns.store(now_ns, std::memory_order_relaxed);
    publish(cell.text, words_of<peer_text_words>({name.group, name.address, name.host}));
    cell.group.store(group_id(name.group), std::memory_order_release);
  }
  return index;
}

std::optional<std::uint32_t> PeerTable::claim_group(std::string_view name) const {
  const auto index = claim_cell(groups_, capacity_, group_id(name));
  if (!index) return index;
  GroupCell& cell = groups_[*index];
  if (cell.name.version() == 0) publish(cell.name, words_of<group_text_words>({name}));
  return index;
}

PeerInfo PeerTable::info(std::uint32_t index) const {
  const PeerCell& from = cell(index);
  PeerInfo out;
  out.cell = index;
  out.id = from.id.load(std::memory_order_acquire);
  out.word = PeerWord::unpack(from.word.load(std::memory_order_acquire));
  out.ejected_until_ns = from.ejected_until_ns.load(std::memory_order_relaxed);
  out.slow_start_ns = from.slow_start_ns.load(std::memory_order_relaxed);
  out.load_ns = from.load_ns.load(std::memory_order_relaxed);
  out.since_ns = from.since_ns.load(std::memory_order_relaxed);
  out.healthy_ns = from.healthy_ns.load(std::memory_order_relaxed);
  out.probed_ns = from.probed_ns.load(std::memory_order_relaxed);
  out.probe_us = from.probe_us.load(std::memory_order_relaxed);
  out.probes = from.probes.load(std::memory_order_relaxed);
  out.probe_failures = from.probe_failures.load(std::memory_order_relaxed);
  out.ejections = from.ejections.load(std::memory_order_relaxed);
  out.failed_in_a_row = from.failed_in_a_row.load(std::memory_order_relaxed);
  out.failures = from.failures.load(std::memory_order_relaxed);
  const std::uint64_t load = from.load.load(std::memory_order_relaxed);
  out.load = {static_cast<std::uint16_t>(load), static_cast<std::uint16_t>(load >> 16)};
  auto texts = texts_of(from.text);
  out.group = std::move(texts[0]);
  out.address = std::move(texts[1]);
  out.host = std::move(texts[2]);
  out.error = texts_of(from.error)[0];
  return out;
}

std::string PeerTable::group_name(std::uint32_t index) const {
  return texts_of(group(index).name)[0];
}

void set_text(Snapshot<peer_error_words>& to, std::string_view text) {
  publish(to, words_of<peer_error_words>({text}));
}

bool PeerTable::attach(SlotId slot, std::uint32_t index, std::uint64_t id) const {
  PeerRow& mine = row(slot.index, index);
  mine.attached.store(id, std::memory_order_seq_cst);
  SHM_POINT(peer_attached);
  if (cell(index).id.load(std::memory_order_seq_cst) == id) return true;
  mine.attached.store(0, std::memory_order_release);
  return false;
}

void PeerTable::detach(SlotId slot, std::uint32_t index) const {
  row(slot.index, index).attached.store(0, std::memory_order_release);
}

bool PeerTable::is_attached(std::uint32_t index) const {
  bool attached = false;
  for_each_slot([&](std::uint32_t slot) {
    attached |= row(slot, index).attached.load(std::memory_order_seq_cst) != 0;
  });
  return attached;
}

bool PeerTable::free(std::uint32_t index) const {
  PeerCell& it = cell(index);
  const std::uint64_t id = it.id.load(std::memory_order_acquire);
  if (id == 0 || (id != leaving_id && is_attached(index))) return false;
  it.id.store(leaving_id, std::memory_order_seq_cst);
  SHM_POINT(peer_leaving);
  if (id != leaving_id && is_attached(index)) {
    it.id.store(id, std::memory_order_release);
    return false;
  }
  // Cut short here, the next housekeeper finds it leaving and goes on.
  for (auto* time : {&it.ejected_until_ns, &it.slow_start_ns, &it.load_ns, &it.claimed_ns,
                     &it.since_ns, &it.healthy_ns, &it.probed_ns}) {
    time->store(0, std::memory_order_relaxed);
  }
  for (auto* number : {&it.word, &it.load, &it.probe_us, &it.probes, &it.probe_failures,
                       &it.ejections, &it.failed_in_a_row, &it.failures, &it.failure,
                       &it.failures_counted, &it.passed_in_a_row, &it.max_conns, &it.orders}) {
    number->store(0, std::memory_order_relaxed);
  }
  set_text(it.error, {});
  for_each_slot([&](std::uint32_t slot) {
    PeerRow& counts = row(slot, index);
    for (Count* count : {&counts.requests, &counts.failures, &counts.answers_5xx,
                         &counts.latency_us, &counts.ewma_us, &counts.ewma_ns}) {
      count->set(0);
    }
    for (auto& bucket : counts.latency) bucket.store(0, std::memory_order_relaxed);
  });
  it.group.store(0, std::memory_order_release);
  it.id.store(0, std::memory_order_release);
  return true;
}

// --- rows

std::uint64_t PeerTable::in_flight_of_all(std::uint32_t index) const {
  std::uint64_t sum = 0;
  for_each_slot(
      [&](std::uint32_t slot) { sum += in_flight(slot, index).load(std::memory_order_seq_cst); });
  return sum;
}

PeerTotals PeerTable::totals(std::uint32_t index) const {
  PeerTotals out;
  out.in_flight = in_flight_of_all(index);
  for_each_slot([&](std::uint32_t slot) {
    const PeerRow& from = row(slot, index);
    out.requests += from.requests.get();
    out.failures += from.failures.get();
    out.answers_5xx += from.answers_5xx.get();
    out.latency_us += from.latency_us.get();
    for (std::size_t i = 0; i < LatencyScale::buckets; ++i) {
      out.latency[i] += from.latency[i].load(std::memory_order_relaxed);
    }
  });
  return out;
}

Result<Ok> PeerTable::begin(const Zone& zone, SlotId slot) const {
  const std::size_t at = shared_bytes(capacity_) + slot.index * region_bytes(capacity_);
  // A later worker of the slot finds it backed, also when memory has become short.
  if (!slot_is_used(slot.index)) {
    if (auto backed = zone.back(at, region_bytes(capacity_)); !backed) return backed;
  }
  wipe(slot.index);
  head_->slots_used[slot.index / 64].fetch_or(std::uint64_t{1} << (slot.index % 64),
                                              std::memory_order_release);
  return Ok{};
}

void PeerTable::wipe(std::uint32_t slot) const {
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    in_flight(slot, i).store(0, std::memory_order_relaxed);
    PeerRow& of_dead = row(slot, i);
    of_dead.attached.store(0, std::memory_order_relaxed);
    of_dead.ewma_us.set(0);
    SHM_POINT(peer_row_wiped);
    group_row(slot, i).queued.set(0);
  }
  for (std::uint32_t i = 0; i < capacity_; i += cells_per_change) {
    changes(slot, i).fetch_add(1, std::memory_order_release);
  }
}

}  // namespace weir::shm
