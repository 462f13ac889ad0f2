#include "shm/slots.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/words.h"
#include "shm/snapshot_update.h"

namespace weir::shm {
namespace {

struct Unpacked {
  SlotState state;
  Role role;
  std::uint32_t incarnation;
};

constexpr std::uint64_t pack(SlotState state, Role role, std::uint32_t incarnation) {
  return static_cast<std::uint64_t>(state) | static_cast<std::uint64_t>(role) << 8 |
         static_cast<std::uint64_t>(incarnation) << 32;
}
constexpr Unpacked unpack(std::uint64_t word) {
  return {static_cast<SlotState>(word & 0xff), static_cast<Role>(word >> 8 & 0xff),
          static_cast<std::uint32_t>(word >> 32)};
}

constexpr std::size_t crumb_parts = 5;
constexpr std::size_t crumb_text_bytes = (breadcrumb_words - 1) * 8;
constexpr std::array<std::size_t, crumb_parts> crumb_max = {
    Breadcrumb::method_max, Breadcrumb::host_max, Breadcrumb::path_max, Breadcrumb::peer_max,
    Breadcrumb::phase_max};
static_assert(Breadcrumb::method_max + Breadcrumb::host_max + Breadcrumb::path_max +
                  Breadcrumb::peer_max + Breadcrumb::phase_max ==
              crumb_text_bytes);
static_assert(Breadcrumb::method_max % 8 == 0 && Breadcrumb::host_max % 8 == 0 &&
              Breadcrumb::path_max % 8 == 0 && Breadcrumb::peer_max % 8 == 0);

using CrumbWords = std::array<std::uint64_t, breadcrumb_words>;

// Puts a text into words from `at` on; how many it took. Every word goes from the text to its
// place through a register: gathering the texts in a buffer first costs ten times as much, because
// the processor can't forward many small stores to one load.
std::size_t put_text(SnapshotUpdate<breadcrumb_words>& update, std::size_t at,
                     std::string_view text) {
  const std::size_t size = text.size(), whole = size / 8, rest = size % 8;
  const char* const from = text.data();
  for (std::size_t i = 0; i < whole; ++i) update.put(at + i, word_at<std::uint64_t>(from + 8 * i));
  if (rest == 0) return whole;
  // Of a longer text the eight bytes that end it, without those that are put already.
  update.put(at + whole, size < 8 ? short_word(from, size)
                                  : word_at<std::uint64_t>(from + size - 8) >> (8 * (8 - rest)));
  return whole + 1;
}

bool lengths_are_sound(std::uint64_t lengths) {
  for (std::size_t i = 0; i < crumb_parts; ++i) {
    if ((lengths >> (8 * i) & 0xff) > crumb_max[i]) return false;
  }
  return lengths >> (8 * crumb_parts) == 0;
}

}  // namespace

std::string_view name(SlotState state) {
  switch (state) {
    case SlotState::free: return "free";
    case SlotState::starting: return "starting";
    case SlotState::ready: return "ready";
    case SlotState::draining: return "draining";
    case SlotState::dead: return "dead";
  }
  return "invalid";
}

std::string_view name(Role role) {
  switch (role) {
    case Role::none: return "none";
    case Role::worker: return "worker";
    case Role::housekeeper: return "housekeeper";
    case Role::logger: return "logger";
    case Role::cache_keeper: return "cache keeper";
    case Role::compressor: return "compressor";
  }
  return "invalid";
}

bool may_enter(SlotState from, SlotState to) {
  using enum SlotState;
  switch (from) {
    case free: return to == starting;
    case starting: return to == ready || to == dead;
    case ready: return to == draining || to == dead;
    case draining: return to == dead;
    case dead: return to == free;
  }
  return false;
}

std::optional<std::uint32_t> SlotTable::find_free() const {
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    if (info(i).state == SlotState::free) return i;
  }
  return std::nullopt;
}

SlotId SlotTable::claim(std::uint32_t index, Role role, std::uint64_t generation,
                        std::int64_t now_ns) {
  Slot& it = slot(index);
  const Unpacked last = unpack(it.word.load(std::memory_order_acquire));
  assert(last.state == SlotState::free);
  const std::uint32_t incarnation = last.incarnation + 1;
  it.generation.store(generation, std::memory_order_relaxed);
  it.claimed_ns.store(now_ns, std::memory_order_relaxed);
  it.pid.store(0, std::memory_order_relaxed);
  it.heartbeat_ns.store(now_ns, std::memory_order_relaxed);
  it.loop_seq.store(0, std::memory_order_relaxed);
  it.ready_ns.store(0, std::memory_order_relaxed);
  publish(it.breadcrumb, std::array<std::uint64_t, 1>{0});
  it.word.store(pack(SlotState::starting, role, incarnation), std::memory_order_release);
  return {index, incarnation};
}

void SlotTable::set_pid(SlotId id, pid_t pid) {
  assert(is_current(id));
  slot(id.index).pid.store(pid, std::memory_order_relaxed);
}

bool SlotTable::enter(SlotId id, SlotState next) {
  Slot& it = slot(id.index);
  std::uint64_t word = it.word.load(std::memory_order_acquire);
  for (;;) {
    const Unpacked was = unpack(word);
    if (was.incarnation != id.incarnation || !may_enter(was.state, next)) return false;
    const Role role = next == SlotState::free ? Role::none : was.role;
    if (it.word.compare_exchange_weak(word, pack(next, role, id.incarnation),
                                      std::memory_order_acq_rel)) {
      return true;
    }
  }
}

SlotInfo SlotTable::info(std::uint32_t index) const {
  const Slot& it = slot(index);
  const Unpacked now = unpack(it.word.load(std::memory_order_acquire));
  return {.id = {index, now.incarnation},
          .state = now.state,
          .role = now.role,
          .pid = it.pid.load(std::memory_order_relaxed),
          .generation = it.generation.load(std::memory_order_relaxed),
          .claimed_ns = it.claimed_ns.load(std::memory_order_relaxed),
          .ready_ns = it.ready_ns.load(std::memory_order_relaxed),
          .heartbeat_ns = it.heartbeat_ns.load(std::memory_order_relaxed),
          .loop_seq = it.loop_seq.load(std::memory_order_relaxed)};
}

bool SlotTable::is_current(SlotId id) const {
  return unpack(slot(id.index).word.load(std::memory_order_acquire)).incarnation == id.incarnation;
}

std::string SlotTable::breadcrumb(std::uint32_t index) const {
  CrumbWords words;
  if (!slot(index).breadcrumb.read(words)) return "(changing too fast to be read)";
  if (!lengths_are_sound(words[0])) return "(damaged)";
  if (words[0] == 0) return {};
  std::array<char, crumb_text_bytes> text;
  std::memcpy(text.data(), words.data() + 1, text.size());
  std::array<std::string_view, crumb_parts> part;
  std::size_t at = 0;
  for (std::size_t i = 0; i < crumb_parts; ++i) {
    const auto size = static_cast<std::size_t>(words[0] >> (8 * i) & 0xff);
    part[i] = std::string_view(text.data() + at, size);
    at += (size + 7) / 8 * 8;
  }
  std::string line;
  const std::string_view before[crumb_parts] = {"", " ", " ", ", peer ", ", "};
  for (std::size_t i = 0; i < crumb_parts; ++i) {
    if (part[i].empty()) continue;
    if (!line.empty()) line += before[i];
    line += part[i];
  }
  return line;
}

bool SlotTable::breadcrumb_is_sound(std::uint32_t index) const {
  CrumbWords words;
  return !slot(index).breadcrumb.read(words) || lengths_are_sound(words[0]);
}

void SlotOwner::beat(std::int64_t now_ns) {
  slot_.heartbeat_ns.store(now_ns, std::memory_order_relaxed);
  slot_.loop_seq.store(slot_.loop_seq.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
}

bool SlotOwner::ready(std::int64_t now_ns) {
  if (!table_.is_current(id_)) return false;
  slot_.pid.store(::getpid(), std::memory_order_relaxed);  // the master may not have come to it yet
  slot_.ready_ns.store(now_ns, std::memory_order_relaxed);
  return table_.enter(id_, SlotState::ready);
}

bool SlotOwner::draining() { return table_.enter(id_, SlotState::draining); }

void SlotOwner::leave(const Breadcrumb& crumb) {
  const std::array<std::string_view, crumb_parts> part = {crumb.method, crumb.host, crumb.path,
                                                          crumb.peer, crumb.phase};
  SnapshotUpdate<breadcrumb_words> update(slot_.breadcrumb);
  std::uint64_t lengths = 0;
  std::size_t at = 1;
  for (std::size_t i = 0; i < crumb_parts; ++i) {
    const std::string_view text = part[i].substr(0, crumb_max[i]);
    lengths |= static_cast<std::uint64_t>(text.size()) << (8 * i);
    at += put_text(update, at, text);
  }
  update.put(0, lengths);
  update.publish();
}

void SlotOwner::idle() { publish(slot_.breadcrumb, std::array<std::uint64_t, 1>{0}); }

}  // namespace weir::shm
