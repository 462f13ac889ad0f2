#include <algorithm>
#include <cassert>
#include <cstring>

#include "cache/cores.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t small_table = 4;  // places in the head of a body of unknown length
constexpr std::size_t tags_most = 1024;
constexpr std::uint32_t piece_least = 64U << 10, piece_share = 16;

std::uint32_t pieces_for(const Geometry& geometry, std::uint64_t length) {
  std::uint32_t pieces = 0;
  for (std::uint64_t at = 0; at < length; ++pieces) at += piece_bytes_for(geometry, at);
  return pieces;
}

}  // namespace

// Larger with the body, so that the table of a large one stays short.
std::uint32_t piece_bytes_for(const Geometry& geometry, std::uint64_t body_bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      geometry.piece_bytes_most, std::max<std::uint64_t>(piece_least, body_bytes / piece_share)));
}

Fill::Fill(Fill&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
Fill& Fill::operator=(Fill&& other) noexcept {
  if (this != &other) {
    abandon();
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}
Fill::~Fill() { abandon(); }

bool Fill::begin(const Facts& facts, std::string_view fields, std::optional<std::uint64_t> length,
                 std::span<const std::uint64_t> tags, const Key* variant, std::string_view vary) {
  if (core_ == nullptr) return false;
  if (core_->begin(facts, fields, length, tags, variant, vary)) return true;
  abandon();
  return false;
}

Reader Fill::reader() {
  if (core_ == nullptr || core_->head == nullptr) return {};
  return core_->inner->grow_with(core_->ref, {core_->key, core_->hash});
}

bool Fill::append(std::string_view bytes) {
  if (core_ == nullptr) return false;
  if (core_->append(bytes)) return true;
  abandon();
  return false;
}

bool Fill::commit() {
  if (core_ == nullptr) return false;
  const bool stored = core_->commit();
  core_->inner->give_back(std::exchange(core_, nullptr));
  return stored;
}

void Fill::pass(std::int64_t until_ms) {
  if (core_ == nullptr) return;
  core_->inner->passes.note(core_->hash, until_ms);
  core_->end(CellState::pass);
  core_->inner->give_back(std::exchange(core_, nullptr));
}

void Fill::look_again() {
  if (core_ == nullptr) return;
  core_->end(CellState::look_again);
  core_->inner->give_back(std::exchange(core_, nullptr));
}

void Fill::abandon() {
  if (core_ == nullptr) return;
  core_->end(CellState::failed);
  core_->inner->give_back(std::exchange(core_, nullptr));
}

// --- its core

void Fill::Core::reset() {
  restored = nullptr;
  head = nullptr;
  ref = Ref();
  bytes = 0;
  length = length_unknown;
  part_ = nullptr;
  table_ = nullptr;
  room_ = used_ = pieces_ = capacity_ = 0;
  in_pieces_ = 0;
}

// Under the lock. What is allocated is this process's until no fill holds its segment.
Ref Fill::Core::allocate(std::uint32_t units) {
  const Ref where = inner->objects.allocate(units);
  if (!where || !inner->segments.hold(where.segment())) {
    count(inner->memory.control->no_room);
    return {};
  }
  held_.push_back(where.segment());
  auto& growing = inner->memory.rows[inner->memory.self].growing;
  growing.store(growing.load(std::memory_order_relaxed) + units, std::memory_order_relaxed);
  growing_ += units;
  return where;
}

void Fill::Core::let_go() {
  for (const std::uint32_t segment : held_) inner->segments.unhold(segment);
  held_.clear();
}

bool Fill::Core::begin(const Facts& facts, std::string_view fields,
                       std::optional<std::uint64_t> its_length, std::span<const std::uint64_t> tags,
                       const weir::cache::Key* variant, std::string_view vary) {
  assert(head == nullptr);
  const Geometry& geometry = inner->memory.geometry;
  length = its_length.value_or(length_unknown);
  const Inner::Text text{variant != nullptr ? variant->text : key, fields, tags};
  if (text.key.size() > 0xffff || tags.size() > tags_most ||
      text.bytes() + sizeof(Head) + 64 > geometry.chunk_bytes_most) {
    return false;
  }
  if (its_length && text.bytes() + *its_length > geometry.object_bytes_most) return false;

  Inner::Plan plan{variant != nullptr ? variant->hash : hash, seq, facts};
  plan.length = length;
  if (restored != nullptr) plan.content = restored->content;
  const std::uint64_t had = restored != nullptr ? restored->body_word : 0;
  plan.body_word = had != 0 ? had : inner->body_word_of(seq);
  const bool fits =
      its_length && Inner::Plan::units(text, 0) * std::uint64_t{unit_bytes} + *its_length <=
                        geometry.chunk_bytes_most;
  if (fits) {
    plan.inline_bytes = static_cast<std::uint32_t>(length);
  } else {
    plan.in_pieces = true;
    plan.body_seq = static_cast<std::uint32_t>(seq);
    plan.capacity = its_length ? pieces_for(geometry, length) : small_table;
    if (Inner::Plan::units_in_pieces(text, plan.capacity) * std::uint64_t{unit_bytes} >
        geometry.chunk_bytes_most) {
      return false;
    }
  }
  if (!allocate_head(text, plan, variant, vary)) return false;
  head = inner->write_head(ref, text, plan);
  if (plan.in_pieces) {
    table_ = own_pieces(list_of(*head));
    capacity_ = plan.capacity;
  }
  SHM_POINT(cache_head_written);
  if (restored != nullptr) return true;  // it was not judged yet: nobody reads along
  inner->fills.cell(cell).ref.store(ref.word(), std::memory_order_release);
  return inner->fills.change(cell, CellState::growing);
}

bool Fill::Core::allocate_head(const Inner::Text& text, Inner::Plan& plan,
                               const weir::cache::Key* variant, std::string_view vary) {
  const Lock lock(inner->memory);
  if (!lock) return false;
  if (variant != nullptr && !go_to_variant(*variant, vary)) return false;
  ref = allocate(plan.in_pieces ? Inner::Plan::units_in_pieces(text, plan.capacity)
                                : Inner::Plan::units(text, plan.inline_bytes));
  return static_cast<bool>(ref);
}

// The answer belongs under another key: that is said under this one, and who waits here looks
// there. Where somebody else fetches the same variant this fill ends.
bool Fill::Core::go_to_variant(const weir::cache::Key& variant, std::string_view vary) {
  const std::uint32_t purged = inner->fills.cell(cell).purged.load(std::memory_order_seq_cst);
  if (purged == 0 && !inner->put_marker({key, hash}, vary, seq)) {
    count(inner->memory.control->no_room);
    return false;
  }
  const CellId other =
      inner->fills.find(variant.hash) ? CellId() : inner->fills.claim(variant.hash, seq);
  inner->fills.change(cell, CellState::look_again);
  cell = other;
  if (!other) return false;
  inner->fills.cell(cell).purged.store(purged, std::memory_order_seq_cst);
  key = variant.text;
  hash = variant.hash;
  return true;
}

bool Fill::Core::append(std::string_view more) {
  if (head == nullptr) return false;
  const std::uint64_t total = bytes + more.size();
  if (length != length_unknown
          ? total > length
          : total + text_end(*head) > inner->memory.geometry.object_bytes_most) {
    return false;
  }
  if (more.empty()) return true;
  if (head->in_pieces == 0) {
    std::memcpy(const_cast<char*>(inline_body(*head)) + bytes, more.data(), more.size());
  }
  while (head->in_pieces != 0 && !more.empty()) {
    if (used_ == room_ && !add_piece(more.size())) return false;
    const std::size_t part = std::min<std::size_t>(more.size(), room_ - used_);
    std::memcpy(reinterpret_cast<char*>(part_ + 1) + used_, more.data(), part);
    used_ += static_cast<std::uint32_t>(part);
    more.remove_prefix(part);
  }
  bytes = total;
  // Sequentially consistent, as is the look of those who wait: see Fills.
  head->body.store(Body{bytes, Body::Progress::growing}.word(), std::memory_order_seq_cst);
  SHM_POINT(cache_appended);
  if (restored == nullptr) inner->fills.wake(cell);
  return true;
}

void Fill::Core::finish_piece() {
  if (part_ == nullptr) return;
  Piece& piece = table_[pieces_ - 1];
  piece.sum.store(checksum({piece_bytes(*part_), used_}), std::memory_order_relaxed);
  piece.bytes.store(used_, std::memory_order_relaxed);
  part_ = nullptr;
}

// A body of unknown length gets what came first in one piece of that size: most are small and come
// at once. Then pieces as large as what there is.
bool Fill::Core::add_piece(std::size_t wanted) {
  finish_piece();
  const std::uint64_t most = piece_bytes_for(inner->memory.geometry, in_pieces_);
  const std::uint64_t size = length != length_unknown
                                 ? std::min(most, length - in_pieces_)
                                 : std::min(most, std::max<std::uint64_t>(wanted, in_pieces_));
  const std::uint32_t units = piece_units(static_cast<std::uint32_t>(size));
  Ref where;
  {
    const Lock lock(inner->memory);
    if (!lock || (pieces_ == capacity_ && !grow_table())) return false;
    where = allocate(units);
    if (!where) return false;
  }
  part_ = reinterpret_cast<weir::cache::Part*>(inner->segments.bytes(where));
  part_->hash = hash;
  part_->body_seq = list_of(*head).body_seq;
  part_->number = pieces_;
  part_->magic = Magic::piece;
  table_[pieces_].bytes.store(0, std::memory_order_relaxed);
  table_[pieces_].sum.store(0, std::memory_order_relaxed);
  table_[pieces_].ref.store(where.word(), std::memory_order_relaxed);
  list_of(*head).pieces.store(++pieces_, std::memory_order_release);
  SHM_POINT(cache_piece_added);
  room_ = static_cast<std::uint32_t>(size);
  used_ = 0;
  in_pieces_ += size;
  return true;
}

// Under the lock. Readers of the old table still find what was in it.
bool Fill::Core::grow_table() {
  const std::uint32_t capacity = capacity_ * 2;
  const std::uint32_t units = table_units(capacity);
  if (units * std::uint64_t{unit_bytes} > inner->memory.geometry.chunk_bytes_most) return false;
  const Ref where = allocate(units);
  if (!where) return false;
  auto* const part = reinterpret_cast<weir::cache::Part*>(inner->segments.bytes(where));
  part->hash = hash;
  part->body_seq = list_of(*head).body_seq;
  part->number = capacity;
  part->magic = Magic::table;
  Piece* const table = table_pieces(*part);
  for (std::uint32_t i = 0; i < pieces_; ++i) {
    table[i].ref.store(table_[i].ref.load(std::memory_order_relaxed), std::memory_order_relaxed);
    table[i].bytes.store(table_[i].bytes.load(std::memory_order_relaxed),
                         std::memory_order_relaxed);
    table[i].sum.store(table_[i].sum.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  list_of(*head).table.store(where.word(), std::memory_order_release);
  SHM_POINT(cache_table_grown);
  table_ = table;
  capacity_ = capacity;
  return true;
}

bool Fill::Core::commit() {
  if (head == nullptr || (length != length_unknown && bytes != length)) {
    end(CellState::failed);
    return false;
  }
  finish_piece();
  const std::uint32_t sum = head->in_pieces != 0
                                ? pieces_checksum(std::span(table_, pieces_), bytes)
                                : checksum({inline_body(*head), static_cast<std::size_t>(bytes)});
  head->body_sum.store(sum, std::memory_order_relaxed);
  head->body.store(Body{bytes, Body::Progress::complete}.word(), std::memory_order_release);
  SHM_POINT(cache_completed);
  const bool stored = store();
  inner->fills.change(cell, restored != nullptr ? CellState::look_again : CellState::complete,
                      owner());
  let_go();
  return stored;
}

// What was purged since this fill began is not found again, though those who follow it get it.
bool Fill::Core::store() {
  Inner& it = *inner;
  const Lock lock(it.memory);
  auto& growing = it.memory.rows[it.memory.self].growing;
  growing.store(growing.load(std::memory_order_relaxed) - growing_, std::memory_order_relaxed);
  growing_ = 0;
  if (!lock) return false;
  const std::uint32_t purged = it.fills.cell(cell).purged.load(std::memory_order_seq_cst);
  if ((purged & 1) != 0 || it.purges.judge(*head) == Purges::Verdict::purged) return false;
  bool soft = (purged & 2) != 0;
  if (restored != nullptr && !may_restore(soft)) return false;
  if (soft) {
    head->body.store(Body{bytes, Body::Progress::complete, true}.word(), std::memory_order_release);
  }
  const bool replaces = it.index.find(hash) != nothing;
  if (!it.objects.insert(ref, *head)) return false;
  if (restored != nullptr) return true;
  it.passes.forget(hash);
  // What can be made again from memory is not worth a file.
  if ((head->facts.flags & fact::copy) != 0) {
    if (!replaces) count(it.memory.control->copies);
    return true;
  }
  count(it.memory.control->stored);
  it.disk.stored(hash);
  return true;
}

// Under the lock. Not where those who wait gave up, or where something newer is there.
bool Fill::Core::may_restore(bool& soft) const {
  const CellWord word = inner->fills.word(cell);
  if (word.version != cell.version || word.slot != restored->owner || !word.is_active())
    return false;
  const Purges::Verdict verdict = restored->judge_again();
  if (verdict == Purges::Verdict::purged) return false;
  soft = soft || restored->soft || verdict == Purges::Verdict::soft;
  const std::uint32_t number = inner->index.find(hash);
  const Head* const there = number == nothing ? nullptr : inner->objects.head_of(number);
  return there == nullptr || there->seq < seq;
}

void Fill::Core::end(CellState state) {
  if (head != nullptr) {
    head->body.store(Body{bytes, Body::Progress::failed}.word(), std::memory_order_release);
  }
  // It is there, and there was no room in memory: each asks the origin.
  if (restored != nullptr && state == CellState::failed) state = CellState::pass;
  if (cell) inner->fills.change(cell, state, owner());
  auto& growing = inner->memory.rows[inner->memory.self].growing;
  growing.store(growing.load(std::memory_order_relaxed) - growing_, std::memory_order_relaxed);
  growing_ = 0;
  let_go();
}

}  // namespace weir::cache
