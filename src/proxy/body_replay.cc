#include "proxy/body_replay.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace weir {

BodyReplay::BodyReplay(BufferPool& pool, Arena& arena, ClientStream& client,
                       std::uint64_t bytes_max)
    : pool_(pool), arena_(arena), client_(client), bytes_max_(bytes_max) {
  set_source(&client);
}

void BodyReplay::gather(GatherOwner& owner) {
  assert(keeping_ && to_ == nullptr);
  gatherer_ = &owner;
  client_.send_body_to(this);
  client_.resume();
}

void BodyReplay::feed(BodySink& to) {
  assert(keeping_);
  gatherer_ = nullptr;
  to_ = &to;
  at_ = 0;
  end_told_ = false;
  to.set_source(this);
  client_.send_body_to(this);
}

void BodyReplay::rest() {
  if (to_ == nullptr) return;
  to_->set_source(nullptr);
  to_ = nullptr;
  client_.send_body_to(nullptr);
}

void BodyReplay::settle() {
  keeping_ = false;
  if (caught_up()) forget();
}

void BodyReplay::forget() {
  keeping_ = false;
  blocks_.clear();
  kept_ = at_ = 0;
}

std::size_t BodyReplay::write(std::string_view bytes, bool last) {
  if (gatherer_ != nullptr) {
    const std::size_t stored = store(bytes);
    at_ = 0;
    ended_ = last && stored == bytes.size();
    if (ended_ || stored < bytes.size()) std::exchange(gatherer_, nullptr)->on_gathered();
    return stored;
  }
  if (bytes.empty()) {
    ended_ = ended_ || last;
    if (to_ == nullptr || !caught_up() || end_told_) return 0;
    end_told_ = last;
    return to_->write({}, last);
  }
  // What was kept goes first.
  if (to_ == nullptr || !caught_up()) return 0;
  const std::size_t taken = to_->write(bytes, last);
  if (last && taken == bytes.size()) ended_ = end_told_ = true;
  keep(bytes.substr(0, taken));
  return taken;
}

// Told before each last write: of one that was not taken whole, more than once.
void BodyReplay::trailers(const Fields& fields) {
  if (keeping_ && trailers_.empty()) {
    for (const Field& field : fields) {
      trailers_.add(field.id, arena_.copy(field.name), arena_.copy(field.value));
    }
    if (arena_.exhausted()) settle();
  }
  if (to_ != nullptr && caught_up()) to_->trailers(fields);
}

void BodyReplay::flush() {
  if (to_ != nullptr) to_->flush();
}

void BodyReplay::abort(Error why) {
  if (to_ != nullptr) to_->abort(why);
}

void BodyReplay::resume() {
  while (to_ != nullptr && !caught_up()) {
    const std::string_view piece = piece_at(at_);
    const bool last = ended_ && at_ + piece.size() == kept_;
    if (last && !trailers_.empty()) to_->trailers(trailers_);
    const std::size_t taken = to_->write(piece, last);
    at_ += taken;
    if (taken < piece.size()) return;
    end_told_ = last;
  }
  if (to_ == nullptr) return;
  if (!keeping_ && kept_ > 0) forget();
  if (!ended_) return client_.resume();
  if (end_told_) return;
  end_told_ = true;
  if (!trailers_.empty()) to_->trailers(trailers_);
  to_->write({}, true);
}

// --- what is kept

void BodyReplay::keep(std::string_view bytes) {
  if (!keeping_ || bytes.empty()) return;
  if (store(bytes) < bytes.size()) forget();
}

// As much of it as there is room for.
std::size_t BodyReplay::store(std::string_view bytes) {
  std::size_t stored = 0;
  bytes = bytes.substr(0, bytes_max_ - kept_);
  while (!bytes.empty()) {
    if ((blocks_.empty() || blocks_.back().writable().empty()) && !add_block()) break;
    const std::size_t size = blocks_.back().append(bytes);
    bytes.remove_prefix(size);
    stored += size;
    kept_ += size;
    at_ = kept_;
  }
  return stored;
}

// Others move bytes with these blocks, here they only lie: never more than half of them.
bool BodyReplay::add_block() {
  const std::size_t size =
      blocks_.empty() ? BufferPool::block_bytes_min
                      : std::min(2 * blocks_.back().capacity(), BufferPool::block_bytes_max);
  if (pool_.bytes_used() + size > pool_.bytes_max() / 2) return false;
  Buffer block(pool_);
  if (!block.acquire(size)) return false;
  blocks_.push_back(std::move(block));
  return true;
}

// Blocks double, so there are few.
std::string_view BodyReplay::piece_at(std::size_t offset) const {
  for (const Buffer& block : blocks_) {
    if (offset < block.size()) return block.readable().substr(offset);
    offset -= block.size();
  }
  return {};
}

}  // namespace weir
