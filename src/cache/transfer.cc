#include "cache/transfer.h"

#include <vector>

#include "base/log.h"
#include "cache/cores.h"

namespace weir::cache {
namespace {

constexpr std::uint64_t bytes_at_a_time = 4U << 20;
constexpr std::uint32_t places_at_a_time = 4096;
constexpr std::uint64_t seq = seq_first;  // of all that comes over

class FromStore final : public Restored {
 public:
  FromStore(const Inner& to, const Inner::Source& source)
      : Restored(to.memory.self), purges_(to.purges), tag_(DiskTier::key_tag(source.key)) {
    content = source.content;
    body_word = source.reader.body_word();
    soft = source.reader.soft_purged();
  }
  Purges::Verdict judge_again() override { return purges_.judge_tag(seq, tag_); }

 private:
  const Purges& purges_;
  const std::uint64_t tag_;
};

}  // namespace

Transfer::Transfer(std::string name, std::shared_ptr<Store> from, std::shared_ptr<Store> to)
    : name_(std::move(name)),
      from_(std::move(from)),
      to_(std::move(to)),
      evicted_before_(to_->inner_->memory.control->evicted.load()) {}

std::unique_ptr<Transfer> Transfer::into(std::string name, const std::shared_ptr<Store>& to) {
  Inner& inner = *to->inner_;
  Control& control = *inner.memory.control;
  if (control.earlier.load() == Earlier::none) return nullptr;
  if (inner.earlier_held != nullptr)
    return std::make_unique<Transfer>(std::move(name), inner.earlier_held, to);
  // What was removed there last can't be told any more.
  inner.purges.raise_hard_floor(seq);
  control.earlier.store(Earlier::none);
  return nullptr;
}

bool Transfer::step(std::int64_t now_ms, bool earlier_serve) {
  switch (state_) {
    case State::copying: return bring_some(now_ms);
    case State::watching: return watch(earlier_serve);
    case State::comparing: return compare_some();
    case State::over: return false;
  }
  return false;
}

// That nobody serves there any more was seen before what they removed is looked at.
bool Transfer::watch(bool earlier_serve) {
  Control& control = *to_->inner_->memory.control;
  compared_ = from_->inner_->removals();
  if (compared_ != control.compared.load()) {
    at_ = 0;
    state_ = State::comparing;
    return true;
  }
  if (earlier_serve) return false;
  control.earlier.store(Earlier::none);
  state_ = State::over;
  return false;
}

// --- coming over

bool Transfer::bring_some(std::int64_t now_ms) {
  const Inner& from = *from_->inner_;
  const std::uint64_t until = bytes_ + bytes_at_a_time;
  for (std::uint32_t places = 0; bytes_ < until && places < places_at_a_time; ++places) {
    if (at_ >= from.index.capacity()) {
      at_ = 0;
      if (warmth_ == 0) return all_came(false);
      --warmth_;
      return true;
    }
    if (from.index.tag(at_).load(std::memory_order_relaxed) != 0 &&
        from.queues.warmth(from.index.entry(at_)) == warmth_) {
      const Outcome outcome = bring(at_, now_ms);
      if (outcome == Outcome::no_lock) return true;
      if (outcome == Outcome::no_room) return all_came(true);
      if (outcome == Outcome::came) ++came_;
    }
    ++at_;
  }
  return true;
}

bool Transfer::all_came(bool is_full) {
  to_->inner_->memory.control->earlier.store(Earlier::watched);
  state_ = State::watching;
  log::notice("cache {}: {} stored answers of {} MiB came over from the store of another size{}",
              name_, came_, bytes_ >> 20,
              is_full ? "; this one is full, the others stay behind" : "");
  return true;
}

// One more would make another leave. Evictions before it is nearly full are of single buckets.
bool Transfer::is_full() const {
  const Memory& memory = to_->inner_->memory;
  const std::uint64_t live = memory.derived().live.load(), most = memory.geometry.live_most;
  return memory.derived().entries.load() >= memory.geometry.entries_most || live >= most ||
         (live >= most / 4 * 3 && memory.control->evicted.load() != evicted_before_);
}

Transfer::Outcome Transfer::bring(std::uint32_t number, std::int64_t now_ms) {
  Inner& from = *from_->inner_;
  Inner& to = *to_->inner_;
  Inner::Source source = from.source_of(from.index.tag(number).load(std::memory_order_acquire));
  if (!source.reader || of_use_until(source.content, source.reader.facts()) < now_ms)
    return Outcome::passed_over;
  if (is_full()) return Outcome::no_room;
  const Key key = to_->key(source.key);
  CellId cell;
  {
    const Lock lock(to.memory, Lock::patient);
    if (!lock) return Outcome::no_lock;
    // What is there, or on its way, is newer.
    if (to.index.find(key.hash) != nothing || to.fills.find(key.hash)) return Outcome::passed_over;
    cell = to.fills.claim(key.hash, seq);
    if (!cell) return Outcome::passed_over;
  }
  FromStore restored(to, source);
  Fill fill = to.restore(cell, key, seq, restored);
  const std::uint64_t length = source.reader.body_bytes();
  if (!fill.begin(source.reader.facts(), source.reader.fields(), length, source.tags))
    return Outcome::passed_over;
  std::uint64_t at = 0;
  for (std::string_view part; !(part = source.reader.read(at)).empty(); at += part.size()) {
    if (!fill.append(part)) return Outcome::passed_over;
  }
  if (!fill.commit()) return Outcome::passed_over;
  bytes_ += length;
  const std::uint32_t put = to.index.find(key.hash);
  for (unsigned found = 0; put != nothing && found < warmth_; ++found)
    to.queues.found(to.index.entry(put));
  return Outcome::came;
}

// --- what the old store does not have any more

bool Transfer::compare_some() {
  const Inner& to = *to_->inner_;
  for (std::uint32_t places = 0; places < places_at_a_time; ++places, ++at_) {
    if (at_ >= to.index.capacity()) {
      to.memory.control->compared.store(compared_);
      state_ = State::watching;
      return true;
    }
    if (to.index.tag(at_).load(std::memory_order_relaxed) != 0) compare(at_);
  }
  return true;
}

// Where it was asked for anew there it may have been removed before: only the same one stays.
void Transfer::compare(std::uint32_t number) {
  Inner& to = *to_->inner_;
  const Inner::Source here = to.source_of(to.index.tag(number).load(std::memory_order_acquire));
  if (!here.reader || here.reader.stored_seq() != seq) return;
  const Inner::Source there = from_->inner_->source_of(from_->key(here.key).hash);
  const bool same = there.reader && there.key == here.key &&
                    (there.reader.body_word() == 0 ||  // a mark of variants has none
                     there.reader.body_word() == here.reader.body_word()) &&
                    there.reader.facts().response_time == here.reader.facts().response_time &&
                    there.reader.soft_purged() == here.reader.soft_purged();
  if (!same) to_->remove(to_->key(here.key));
}

}  // namespace weir::cache
