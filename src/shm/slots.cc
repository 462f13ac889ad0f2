#include "shm/slots.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

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

// A breadcrumb's first word holds one length per byte, then the texts follow back to back.
constexpr std::size_t crumb_parts = 5;
constexpr std::size_t crumb_text_bytes = (breadcrumb_words - 1) * 8;
constexpr std::array<std::size_t, crumb_parts> crumb_max = {
    Breadcrumb::method_max, Breadcrumb::host_max, Breadcrumb::path_max, Breadcrumb::peer_max,
    Breadcrumb::phase_max};
static_assert(Breadcrumb::method_max + Breadcrumb::host_max + Breadcrumb::path_max +
                  Breadcrumb::peer_max + Breadcrumb::phase_max ==
              crumb_text_bytes);

using CrumbWords = std::array<std::uint64_t, breadcrumb_words>;

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
  it.breadcrumb.publish(std::array<std::uint64_t, 1>{0});
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
    at += size;
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
  CrumbWords words;
  char* const text = reinterpret_cast<char*>(words.data() + 1);
  std::uint64_t lengths = 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < crumb_parts; ++i) {
    const std::size_t size = std::min(part[i].size(), crumb_max[i]);
    if (size != 0) std::memcpy(text + used, part[i].data(), size);
    lengths |= static_cast<std::uint64_t>(size) << (8 * i);
    used += size;
  }
  const std::size_t text_words = (used + 7) / 8;
  // The bytes between the text and the end of its last word would be read uninitialised.
  std::memset(text + used, 0, text_words * 8 - used);
  words[0] = lengths;
  slot_.breadcrumb.publish(std::span<const std::uint64_t>(words).first(1 + text_words));
}

void SlotOwner::idle() { slot_.breadcrumb.publish(std::array<std::uint64_t, 1>{0}); }

}  // namespace weir::shm
