// H1Input: the bytes of a client connection that belong to no exchange yet: the beginning of a
// head, or what was pipelined behind a request.
//
// A head that comes whole, as nearly all do, is read into the worker's scratch and never stored
// here; so an idle connection has no buffer, and a slow one has what it sent, doubled at most. What
// of that is more than small_bytes counts against a Budget of the worker.
#pragma once

#include <algorithm>
#include <cassert>
#include <memory>
#include <span>
#include <string_view>

#include "base/budget.h"
#include "http/h1_parser.h"

namespace weir {

class H1Input {
 public:
  static constexpr std::size_t small_bytes = 1024;

  // Where the next read may go; at most `longest` bytes are ever held. Empty: no more may be read.
  std::span<char> room(std::span<char> scratch, std::size_t longest) {
    if (kept_ == nullptr) return scratch.first(std::min(scratch.size(), longest));
    const std::size_t size = kept_->size;
    const std::size_t wanted = std::min(std::max(small_bytes, 2 * size), longest);
    if (kept_->capacity < wanted && !kept_->grow(wanted)) return {};
    return {kept_->bytes.get() + size, kept_->capacity - size};
  }

  // The first `count` bytes of room() were filled: all that is there now, valid until the next call
  // of room() or keep().
  std::string_view produced(std::span<char> scratch, std::size_t count) {
    if (kept_ == nullptr) return {scratch.data(), count};
    kept_->size += count;
    return held();
  }

  // What remains for later: a suffix of what produced() or held() gave, or other bytes. False, and
  // nothing is kept: the budget is used up.
  [[nodiscard]] bool keep(std::string_view bytes, Budget& budget) {
    if (kept_ == nullptr || kept_->capacity < bytes.size()) {
      auto fresh = std::make_unique<Kept>(budget);
      if (!fresh->grow(bytes.size())) {
        drop();
        return false;
      }
      std::copy(bytes.begin(), bytes.end(), fresh->bytes.get());
      kept_ = std::move(fresh);
    } else {  // forward: it may overlap itself
      std::copy(bytes.begin(), bytes.end(), kept_->bytes.get());
    }
    kept_->size = bytes.size();
    return true;
  }
  void drop() { kept_.reset(); }

  std::string_view held() const {
    return kept_ == nullptr ? std::string_view{}
                            : std::string_view(kept_->bytes.get(), kept_->size);
  }
  HeadScan& scan() {
    assert(kept_ != nullptr);
    return kept_->scan;
  }
  bool empty() const { return kept_ == nullptr; }

 private:
  struct Kept {
    explicit Kept(Budget& worker) : budget(worker) {}
    Kept& operator=(Kept&&) = delete;
    ~Kept() { budget.give(charged); }

    bool grow(std::size_t wanted) {
      const std::size_t large = wanted > small_bytes ? wanted - small_bytes : 0;
      if (large > charged) {
        if (!budget.take(large - charged)) return false;
        charged = large;
      }
      std::unique_ptr<char[]> larger(new char[wanted]);
      std::copy_n(bytes.get(), size, larger.get());
      bytes = std::move(larger);
      capacity = wanted;
      return true;
    }

    Budget& budget;
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0, size = 0, charged = 0;
    HeadScan scan;
  };

  std::unique_ptr<Kept> kept_;
};

}  // namespace weir
