#include "cache/store_inner.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "cache/cores.h"

namespace weir::cache {

Inner::Inner(std::string its_name, shm::Zone its_zone, const Geometry& geometry)
    : name(std::move(its_name)), zone(std::move(its_zone)), memory(geometry, zone) {
  std::uint64_t words[2];
  std::memcpy(words, zone.header().hash_secret.data(), sizeof words);
  secret = {words[0], words[1]};
}

Inner::~Inner() { assert(first_follower == nullptr); }

template <class Core>
Core* Inner::take(std::vector<std::unique_ptr<Core>>& kept) {
  if (kept.empty()) return new Core;
  Core* const core = kept.back().release();
  kept.pop_back();
  return core;
}
template Follower::Core* Inner::take(std::vector<std::unique_ptr<Follower::Core>>&);
template Fill::Core* Inner::take(std::vector<std::unique_ptr<Fill::Core>>&);

void Inner::give_back(Reader::Core* core) {
  core->reset();
  readers.emplace_back(core);
}

void Inner::give_back(Fill::Core* core) {
  core->reset();
  fill_cores.emplace_back(core);
}

// --- heads

std::uint32_t Inner::Plan::units(const Text& text, std::uint32_t inline_bytes) {
  return units_for(sizeof(Head) + text.bytes() + inline_bytes);
}
std::uint32_t Inner::Plan::units_in_pieces(const Text& text, std::uint32_t capacity) {
  return units_for(((sizeof(Head) + text.bytes() + 7) & ~std::size_t{7}) + sizeof(PieceList) +
                   capacity * sizeof(Piece));
}

// Of what the fill of this seq brings. Keyed: no other zone, from whose disk tier something may
// come, makes the same ones.
std::uint64_t Inner::body_word_of(std::uint64_t seq) const {
  return siphash(secret, {reinterpret_cast<const char*>(&seq), sizeof seq});
}

Head* Inner::write_head(Ref ref, const Text& text, const Plan& plan) const {
  auto* const head = reinterpret_cast<Head*>(segments.bytes(ref));
  head->hash = plan.hash;
  head->seq = plan.seq;
  head->body_word = plan.body_word;
  head->facts = plan.facts;
  head->length = plan.length;
  head->fields_bytes = static_cast<std::uint32_t>(text.fields.size());
  head->inline_bytes = plan.inline_bytes;
  head->key_bytes = static_cast<std::uint16_t>(text.key.size());
  head->tags = static_cast<std::uint16_t>(text.tags.size());
  head->content = plan.content;
  head->in_pieces = plan.in_pieces ? 1 : 0;
  head->reserved = 0;
  char* at = reinterpret_cast<char*>(head + 1);
  if (!text.tags.empty()) std::memcpy(at, text.tags.data(), text.tags.size_bytes());
  at = std::copy(text.key.begin(), text.key.end(), at + text.tags.size_bytes());
  std::copy(text.fields.begin(), text.fields.end(), at);
  if (plan.in_pieces) {
    PieceList& list = list_of(*head);
    list.table.store(0, std::memory_order_relaxed);
    list.pieces.store(0, std::memory_order_relaxed);
    list.capacity = plan.capacity;
    list.body_seq = plan.body_seq;
    list.reserved = 0;
  }
  head->head_sum = head_checksum(*head);
  head->body_sum.store(0, std::memory_order_relaxed);
  head->body.store(Body{}.word(), std::memory_order_relaxed);
  head->magic = Magic::head;
  return head;
}

// Under this key stands which fields choose among the variants. Kept as long as it says the same:
// what is stored under a variant's key and is older than it is not one of its variants.
bool Inner::put_marker(const Key& key, std::string_view vary, std::uint64_t seq) const {
  if (const std::uint32_t number = index.find(key.hash); number != nothing) {
    const Head* const head = objects.head_of(number);
    const auto body =
        head == nullptr ? std::nullopt : Body::of(head->body.load(std::memory_order_relaxed));
    if (body && !body->soft && head->content == Content::vary && key_of(*head) == key.text &&
        fields_of(*head) == vary && purges.judge(*head) == Purges::Verdict::stays) {
      queues.found(index.entry(number));
      return true;
    }
  }
  const Text text{key.text, vary, {}};
  if (text.bytes() + sizeof(Head) > memory.geometry.chunk_bytes_most) return false;
  const Ref ref = objects.allocate(Plan::units(text, 0));
  if (!ref) return false;
  Plan plan{key.hash, seq};
  plan.content = Content::vary;
  Head* const head = write_head(ref, text, plan);
  head->body_sum.store(checksum({}), std::memory_order_relaxed);
  head->body.store(Body{0, Body::Progress::complete}.word(), std::memory_order_release);
  if (!objects.insert(ref, *head)) return false;
  disk.stored(key.hash);
  return true;
}

Head* Inner::sound_head(Ref ref, std::uint64_t hash) const {
  Head* const head = segments.head(ref);
  if (head == nullptr || head->hash != hash || head_checksum(*head) != head->head_sum) {
    return nullptr;
  }
  return head;
}

// --- finding

Reader Inner::open(Ref ref, Head& head) {
  Reader::Core* const core = take(readers);
  core->inner = this;
  core->ref = ref;
  core->head = core->lister = &head;
  core->pinned.push_back(ref.segment());
  Reader reader(core);
  if (!core->look()) {
    core->failed = true;
    return reader;
  }
  return reader;
}

std::uint64_t Inner::removals() const { return memory.control->removals.load() + purges.newest(); }

bool Inner::earlier_holds() const {
  const Control& it = *memory.control;
  if (it.earlier.load(std::memory_order_acquire) == Earlier::none) return true;
  if (earlier_held == nullptr) return false;
  const Inner& before = *earlier_held->inner_;
  return before.earlier_holds() && before.removals() == it.compared.load();
}

bool Inner::stands(const Head& head) const {
  return purges.judge(head) != Purges::Verdict::purged &&
         (head.seq != seq_first || earlier_holds());
}

Found Inner::find(const Key& key) {
  constexpr int attempts = 3;  // what is looked at may be moved or replaced meanwhile
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::uint32_t number = index.find(key.hash);
    if (number == nothing) break;
    const Ref ref = index.ref(number);
    if (!ref || !segments.pin(ref)) continue;
    Head* const head = sound_head(ref, key.hash);
    if (head == nullptr) {
      segments.unpin(ref.segment());
      if (index.ref(number) != ref) continue;
      drop_damaged(key, ref);
      return {};
    }
    if (key_of(*head) != key.text || !stands(*head)) {
      segments.unpin(ref.segment());
      return {};
    }
    Reader reader = open(ref, *head);
    if (reader.damaged()) {
      drop_damaged(key, ref);
      return {};
    }
    // Moved by now, or removed where there was no lock.
    if (reader.progress() != Reader::Progress::complete) continue;
    queues.found(index.entry(number));
    return {head->content == Content::vary ? Found::Kind::vary : Found::Kind::answer,
            std::move(reader)};
  }
  if (passes.has(key.hash)) return {Found::Kind::pass, {}};
  return {};
}

Head* Inner::head_under(const Key& key) {
  const std::uint32_t number = index.find(key.hash);
  Head* const head = number == nothing ? nullptr : objects.head_of(number);
  if (head == nullptr || key_of(*head) != key.text) return nullptr;
  const auto body = Body::of(head->body.load(std::memory_order_acquire));
  return body && body->progress == Body::Progress::complete && stands(*head) ? head : nullptr;
}

Inner::Source Inner::source_of(std::uint64_t hash) {
  const std::uint32_t number = index.find(hash);
  const Ref ref = number == nothing ? Ref() : index.ref(number);
  if (!ref || !segments.pin(ref)) return {};
  Head* const head = sound_head(ref, hash);
  if (head == nullptr || purges.judge(*head) == Purges::Verdict::purged) {
    segments.unpin(ref.segment());
    return {};
  }
  Source source{open(ref, *head), std::string(key_of(*head)), tags_copy(*head), head->content};
  if (source.reader.progress() != Reader::Progress::complete) return {};
  return source;
}

Reader Inner::grow_with(Ref ref, const Key& key) {
  if (!segments.pin(ref)) return {};
  Head* const head = sound_head(ref, key.hash);
  if (head == nullptr || key_of(*head) != key.text) {
    segments.unpin(ref.segment());
    return {};
  }
  return open(ref, *head);
}

void Inner::drop_damaged(const Key& key, Ref ref) {
  const Lock lock(memory);
  if (!lock) return;
  const std::uint32_t number = index.find(key.hash);
  if (number != nothing && index.ref(number) == ref) {
    objects.remove(number, memory.control->damaged);
  }
}

// --- changing what is stored

namespace {

// Complete no more, or soft purged.
void hide(Head& head, bool soft) {
  std::uint64_t was = head.body.load(std::memory_order_acquire);
  for (auto body = Body::of(was); body && body->progress == Body::Progress::complete;
       body = Body::of(was)) {
    if (soft) {
      body->soft = true;
    } else {
      body->progress = Body::Progress::failed;
    }
    if (head.body.compare_exchange_weak(was, body->word(), std::memory_order_seq_cst)) return;
  }
}

}  // namespace

// Where there is no lock to be had the answer is hidden, and the housekeeper removes it.
bool Inner::remove(const Key& key, bool soft, bool purge) {
  // The disk first, as it may be brought to memory from there; and once more, as it may have been
  // written from memory meanwhile.
  const bool on_disk = disk.removed(key.hash, soft);
  const bool in_memory = remove_from_memory(key, soft, purge);
  disk.removed(key.hash, soft);
  count(memory.control->removals);  // now that it is: see Transfer
  return in_memory || on_disk;
}

bool Inner::remove_from_memory(const Key& key, bool soft, bool purge) {
  const Lock lock = purge ? Lock(memory, Lock::patient) : Lock(memory);
  if (!lock) {
    if (purge && !soft && !disk.knows_all()) disk.purged_unlocked(purges.next_seq());
    if (memory.control->earlier.load() == Earlier::comes) purges.all_tagged(soft);
    return hide_unlocked(key, soft);
  }
  if (!disk.knows_all()) disk.purged_key(key.text, soft, purges.next_seq());
  // It may come yet.
  if (memory.control->earlier.load() == Earlier::comes)
    purges.tag(DiskTier::key_tag(key.text), soft);
  fills.mark_purged(key.hash, soft);
  const std::uint32_t number = index.find(key.hash);
  if (number == nothing) return false;
  Head* const head = objects.head_of(number);
  if (head != nullptr && key_of(*head) != key.text) return false;
  const bool there = head != nullptr && purges.judge(*head) != Purges::Verdict::purged;
  if (soft && head != nullptr) {
    hide(*head, soft);
    count(memory.control->purged);
  } else {
    objects.remove(number, memory.control->purged);
  }
  return there;
}

// It may be moved at that moment: then it is hidden where it is by now. See Cleaner::move_head().
bool Inner::hide_unlocked(const Key& key, bool soft) const {
  constexpr int attempts = 4;
  bool there = false;
  fills.mark_purged(key.hash, soft);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::uint32_t number = index.find(key.hash);
    if (number == nothing) break;
    const Ref ref = index.ref(number);
    if (!segments.pin(ref)) continue;
    Head* const head = sound_head(ref, key.hash);
    if (head != nullptr && key_of(*head) == key.text) {
      there = purges.judge(*head) != Purges::Verdict::purged;
      hide(*head, soft);
    }
    segments.unpin(ref.segment());
    if (index.ref(number) == ref) break;
  }
  return there;
}

bool Inner::freshen(const Key& key, Reader& stored, const Facts& facts, std::string_view fields) {
  Head* const read = stored.core_->head;
  const Lock lock(memory);
  if (!lock || !stored.core_->complete) return false;
  // The number is drawn before it is asked what was purged: see Purges.
  const std::uint64_t seq = purges.next_seq();
  const auto current = [&]() -> Head* {
    Head* const head = head_under(key);
    return head != nullptr && head->seq == read->seq ? head : nullptr;
  };
  if (current() == nullptr) return false;
  const std::vector<std::uint64_t> tags = tags_copy(*read);
  const Text text{key.text, fields, tags};
  Plan plan{key.hash, seq, facts};
  plan.body_word = read->body_word;
  plan.length = stored.core_->bytes;
  plan.in_pieces = read->in_pieces != 0;
  if (plan.in_pieces) {
    plan.body_seq = list_of(*read).body_seq;
    plan.capacity =
        Objects::table_of(*read) ? 0 : static_cast<std::uint32_t>(stored.core_->parts.size());
  } else {
    plan.inline_bytes = static_cast<std::uint32_t>(stored.core_->bytes);
  }
  const std::uint32_t units = plan.in_pieces ? Plan::units_in_pieces(text, plan.capacity)
                                             : Plan::units(text, plan.inline_bytes);
  if (units * std::uint64_t{unit_bytes} > memory.geometry.chunk_bytes_most) return false;
  const Ref ref = objects.allocate(units);
  Head* const old = current();  // it may have been moved or evicted for that
  if (!ref || old == nullptr) return false;
  Head* const head = write_head(ref, text, plan);
  if (plan.in_pieces) {
    copy_pieces(*old, *head);
  } else {
    std::memcpy(const_cast<char*>(inline_body(*head)), inline_body(*old), plan.inline_bytes);
  }
  head->body_sum.store(old->body_sum.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head->body.store(Body{plan.length, Body::Progress::complete}.word(), std::memory_order_release);
  if (!objects.insert(ref, *head)) return false;
  disk.stored(key.hash);
  return true;
}

bool Inner::purge_prefix(std::string_view key_prefix, bool soft) const {
  {
    const Lock lock(memory, Lock::patient);
    const std::uint64_t seq = lock ? purges.prefix(key_prefix, soft) : 0;
    if (seq == 0) return false;
    disk.purged_prefix(key_prefix, soft, seq);
  }
  disk.wake();
  return true;
}

void Inner::purge_tag(std::uint64_t tag, bool soft) const {
  {
    const Lock lock(memory, Lock::patient);
    lock ? disk.purged_tag(tag, soft, purges.tag(tag, soft)) : purges.all_tagged(soft);
  }
  disk.wake();
}

// The pieces themselves belong to both heads, of which only one is in the index.
void Inner::copy_pieces(Head& from, Head& to) const {
  PieceList &old = list_of(from), &fresh = list_of(to);
  fresh.table.store(old.table.load(std::memory_order_relaxed), std::memory_order_relaxed);
  fresh.pieces.store(old.pieces.load(std::memory_order_relaxed), std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < fresh.capacity; ++i) {
    Piece &source = own_pieces(old)[i], &target = own_pieces(fresh)[i];
    target.ref.store(source.ref.load(std::memory_order_relaxed), std::memory_order_relaxed);
    target.bytes.store(source.bytes.load(std::memory_order_relaxed), std::memory_order_relaxed);
    target.sum.store(source.sum.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
}

std::vector<std::uint64_t> Inner::tags_copy(const Head& head) {
  std::vector<std::uint64_t> tags(head.tags);
  if (head.tags != 0) std::memcpy(tags.data(), tags_of(head), head.tags * sizeof tags[0]);
  return tags;
}

}  // namespace weir::cache
