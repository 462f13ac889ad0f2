// Arena: memory that lives as long as one exchange. A bump allocator with a bound.
//
// One per client session, reset after each exchange: the first chunk is kept, so a warm connection
// allocates nothing. Nothing is destroyed: only bytes and trivial objects may live here. When the
// bound is reached the arena hands out nothing more and says exhausted() until reset(); what was
// being built is then incomplete and must not be sent, so check exhausted() before a head goes out.
// A Budget bounds what all arenas that share it hold beyond a first chunk of the usual size.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/budget.h"

namespace weir {

class Arena {
 public:
  explicit Arena(std::size_t chunk_bytes = 4096, std::size_t bytes_max = 256 * 1024,
                 Budget* shared = nullptr)
      : shared_(shared), chunk_bytes_(chunk_bytes), bytes_max_(bytes_max) {
    assert(chunk_bytes > 0 && chunk_bytes <= bytes_max);
  }
  Arena(const Arena&) = delete;  // pinned: views point into it
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(); }

  // Room for `bytes` without alignment, or nullptr when the bound is reached.
  char* allocate(std::size_t bytes) {
    if (bytes > left_ && !grow(bytes)) return nullptr;
    char* const out = next_;
    next_ += bytes;
    left_ -= bytes;
    return out;
  }

  // Gives back the end of the latest allocation: `unused` bytes that turned out not to be needed.
  void give_back(std::size_t unused) {
    next_ -= unused;
    left_ += unused;
  }

  // A copy that lives until reset(); empty when the bound is reached.
  std::string_view copy(std::string_view text) {
    char* const out = allocate(text.size());
    if (out == nullptr) return {};
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }

  // One copy of several parts in a row.
  std::string_view join(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    char* const out = allocate(size);
    if (out == nullptr) return {};
    char* at = out;
    for (const auto part : parts) at = std::copy(part.begin(), part.end(), at);
    return {out, size};
  }

  bool exhausted() const { return exhausted_; }
  bool starved() const { return starved_; }           // exhausted, because the others hold too much
  std::size_t reserved() const { return reserved_; }  // bytes held now, used or not

  // Forgets all; the first chunk stays for the next exchange, if it is no larger than usual.
  void reset() {
    if (charged_ > 0 && chunks_[0].size > chunk_bytes_) return release();
    uncharge();
    if (chunks_.size() > 1) chunks_.resize(1);
    exhausted_ = starved_ = false;
    if (chunks_.empty()) return;
    reserved_ = chunks_[0].size;
    next_ = chunks_[0].bytes.get();
    left_ = chunks_[0].size;
  }

  // Forgets all and frees all: for a connection that goes idle.
  void release() {
    uncharge();
    chunks_.clear();
    exhausted_ = starved_ = false;
    reserved_ = left_ = 0;
    next_ = nullptr;
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  bool grow(std::size_t bytes) {
    if (exhausted_ || bytes > bytes_max_ - reserved_) {
      exhausted_ = true;
      left_ = 0;  // a smaller request may not succeed where a larger one failed: all or nothing
      return false;
    }
    const std::size_t size = std::min(std::max(bytes, chunk_bytes_), bytes_max_ - reserved_);
    if (!charge(reserved_ + size)) {
      exhausted_ = starved_ = true;
      left_ = 0;
      return false;
    }
    chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    reserved_ += size;
    next_ = chunks_.back().bytes.get();
    left_ = size;
    return true;
  }

  bool charge(std::size_t held) {
    if (shared_ == nullptr || held <= chunk_bytes_) return true;
    const std::size_t more = held - chunk_bytes_ - charged_;
    if (!shared_->take(more)) return false;
    charged_ += more;
    return true;
  }
  void uncharge() {
    if (charged_ > 0) shared_->give(charged_);
    charged_ = 0;
  }

  std::vector<Chunk> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t reserved_ = 0;
  Budget* shared_;
  std::size_t charged_ = 0;  // of it, by us
  std::size_t chunk_bytes_;
  std::size_t bytes_max_;
  bool exhausted_ = false;
  bool starved_ = false;
};

}  // namespace weir
