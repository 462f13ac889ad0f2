#include "cache/cores.h"

namespace weir::cache {

Follower::Follower(Follower&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {
  if (core_ != nullptr) core_->handle = this;
}
Follower& Follower::operator=(Follower&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->inner->give_back(core_);
    core_ = std::exchange(other.core_, nullptr);
    if (core_ != nullptr) core_->handle = this;
  }
  return *this;
}
Follower::~Follower() {
  if (core_ != nullptr) core_->inner->give_back(core_);
}

void Follower::give_up() { core_->inner->fills.orphan(disk_slot, core_->cell); }

Follower::State Follower::state() const { return core_->state(); }
Reader& Follower::reader() { return core_->reader; }

Fill Follower::take_over() {
  Inner& inner = *core_->inner;
  if (!inner.fills.take_over(core_->cell)) return {};
  core_->reader = Reader();
  core_->attached = Ref();
  inner.fills.cell(core_->cell).ref.store(0, std::memory_order_release);
  return inner.lead(core_->cell, {core_->key, core_->hash}, inner.purges.next_seq());
}

// --- its core

void Follower::Core::reset() {
  reader = Reader();
  attached = Ref();
  told = State::waiting;
  told_bytes = 0;
  owner = nullptr;
  handle = nullptr;
}

// To what grows in the cell now; who took over after a death began anew.
bool Follower::Core::attach() {
  const Ref now(inner->fills.cell(cell).ref.load(std::memory_order_acquire));
  if (!now) return false;
  if (now == attached) return static_cast<bool>(reader);
  reader = inner->grow_with(now, {key, hash});
  attached = now;
  return static_cast<bool>(reader);
}

Follower::State Follower::Core::of_reader() {
  switch (reader.progress()) {
    case Reader::Progress::growing: return State::growing;
    case Reader::Progress::complete: return State::complete;
    case Reader::Progress::failed: return State::failed;
  }
  return State::failed;
}

Follower::State Follower::Core::state() {
  if (reader && reader.progress() == Reader::Progress::complete) return State::complete;
  const CellWord word = inner->fills.word(cell);
  if (word.version != cell.version) {  // it ended, and its place is another's
    return reader && of_reader() == State::complete ? State::complete : State::look_again;
  }
  switch (word.state) {
    case CellState::free: return State::look_again;
    case CellState::leading: return State::waiting;
    case CellState::growing:
    case CellState::complete: return attach() ? of_reader() : State::look_again;
    case CellState::look_again: return State::look_again;
    case CellState::pass: return State::pass;
    case CellState::failed: return State::failed;
    case CellState::orphaned: return State::orphaned;
  }
  return State::look_again;
}

// --- joining

Joined Inner::join(const Key& key, FollowerOwner& owner, std::optional<std::uint64_t> seen) {
  Joined joined;
  if (key.text.size() > 0xffff || passes.has(key.hash)) return joined;
  const Lock lock(memory);
  if (!lock) return joined;
  CellId id = fills.find(key.hash);
  if (id && is_outdated(id, key)) {
    fills.cell(id).purged.fetch_or(1, std::memory_order_seq_cst);
    id = {};
  }
  // A fill ends in the index before its cell ends: who is in neither was never stored.
  if (seen && (!id || !fills.word(id).is_active())) {
    const Head* const stored = head_under(key);
    joined.look_again = stored != nullptr && stored->seq != *seen;
    if (joined.look_again) return joined;
  }
  if (!id || fills.take_over(id)) {
    const std::uint64_t seq = purges.next_seq();
    if (!id) {
      id = fills.claim(key.hash, seq);
    } else {
      fills.cell(id).ref.store(0, std::memory_order_release);
    }
    if (id) joined.fill = lead(id, key, seq);
    return joined;
  }
  joined.follower = follow(id, key, owner);
  return joined;
}

// Purged since it began. As far as that can be told: before its head is there it has no tags.
bool Inner::is_outdated(CellId id, const Key& key) const {
  if (purges.none_since(fills.seq_of(id))) return false;
  const Ref ref(fills.cell(id).ref.load(std::memory_order_acquire));
  const Head* const head = ref && segments.is_current(ref) ? sound_head(ref, key.hash) : nullptr;
  const Purges::Verdict verdict =
      head != nullptr ? purges.judge(*head) : purges.judge_key(fills.seq_of(id), key.text);
  return verdict == Purges::Verdict::purged;
}

Follower Inner::follow(CellId id, const Key& key, FollowerOwner& owner) {
  Follower::Core* const core = take(follower_cores);
  core->inner = this;
  core->owner = &owner;
  core->key = key.text;
  core->hash = key.hash;
  core->cell = id;
  core->previous = nullptr;
  core->next = first_follower;
  if (first_follower != nullptr) first_follower->previous = core;
  first_follower = core;
  fills.listen(id);
  Follower follower(core);
  core->handle = &follower;
  if (fills.word(id).state != CellState::leading) fills.wake(id);  // there is something already
  return follower;
}

// Claimed for the keeper, whichever process that is: when it dies its successor goes on.
Follower Inner::fetch(const Key& key, FollowerOwner& owner) {
  if (!disk.has(key.hash)) return {};
  Follower follower;
  {
    const Lock lock(memory);
    if (!lock) return {};
    CellId id = fills.find(key.hash);
    if (id && fills.word(id).slot != disk_slot) return {};  // the origin is being asked
    if (!id) {
      id = fills.claim(key.hash, purges.next_seq(), disk_slot);
      if (!id) return {};
      if (!disk.want(id)) {
        fills.change(id, CellState::look_again, disk_slot);
        return {};
      }
    }
    follower = follow(id, key, owner);
  }
  disk.wake();
  return follower;
}

Fill Inner::lead(CellId id, const Key& key, std::uint64_t seq) {
  Fill::Core* const core = take(fill_cores);
  core->inner = this;
  core->key = key.text;
  core->hash = key.hash;
  core->seq = seq;
  core->cell = id;
  return Fill(core);
}

Fill Inner::restore(CellId id, const Key& key, std::uint64_t seq, Restored& restored) {
  Fill fill = lead(id, key, seq);
  fill.core_->restored = &restored;
  return fill;
}

// Asks to be told again before it looks: what changes after the look makes a new wake.
void Inner::tell_followers() {
  for (Follower::Core* core = first_follower; core != nullptr; core = next_told) {
    next_told = core->next;
    fills.listen(core->cell);
    const Follower::State state = core->state();
    const std::uint64_t bytes = core->reader ? core->reader.body_bytes() : 0;
    // Where its reader was taken out, its owner alone knows what is new.
    const bool is_taken = core->attached && !core->reader;
    if (!is_taken && state == core->told && bytes == core->told_bytes) continue;
    core->told = state;
    core->told_bytes = bytes;
    core->owner->on_fill_news(*core->handle);
  }
  next_told = nullptr;
}

void Inner::give_back(Follower::Core* core) {
  if (core->next != nullptr) core->next->previous = core->previous;
  if (core->previous != nullptr) core->previous->next = core->next;
  if (first_follower == core) first_follower = core->next;
  if (next_told == core) next_told = core->next;
  core->reset();
  follower_cores.emplace_back(core);
}

}  // namespace weir::cache
