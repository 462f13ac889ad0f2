// H1Input: the bytes of a client connection that belong to no exchange yet: the beginning of a
// head, or what was pipelined behind a request.
//
// A head that comes whole, as nearly all do, is read into the worker's scratch and never stored
// here; so an idle connection has no buffer, and a slow one has what it sent, doubled at most.
#pragma once

#include <algorithm>
#include <cassert>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/h1_parser.h"

namespace weir {

class H1Input {
 public:
  // Where the next read may go; at most `longest` bytes are ever held. Empty: no more may be read.
  std::span<char> room(std::span<char> scratch, std::size_t longest) {
    if (kept_ == nullptr) return scratch.first(std::min(scratch.size(), longest));
    const std::size_t size = kept_->size;
    const std::size_t wanted = std::min(std::max<std::size_t>(1024, 2 * size), longest);
    if (kept_->bytes.size() < wanted) kept_->bytes.resize(wanted);
    return std::span<char>(kept_->bytes).subspan(size);
  }

  // The first `count` bytes of room() were filled: all that is there now, valid until the next call
  // of room() or keep().
  std::string_view produced(std::span<char> scratch, std::size_t count) {
    if (kept_ == nullptr) return {scratch.data(), count};
    kept_->size += count;
    return held();
  }

  // What remains for later: a suffix of what produced() or held() gave, or other bytes.
  void keep(std::string_view bytes) {
    if (bytes.empty()) return kept_.reset();
    if (kept_ == nullptr) {
      kept_ = std::make_unique<Kept>();
      kept_->bytes.assign(bytes);
    } else {
      if (kept_->bytes.size() < bytes.size()) return keep_longer(bytes);
      std::copy(bytes.begin(), bytes.end(),
                kept_->bytes.begin());  // forward: it may overlap itself
    }
    kept_->size = bytes.size();
  }

  std::string_view held() const {
    return kept_ == nullptr ? std::string_view{}
                            : std::string_view(kept_->bytes.data(), kept_->size);
  }
  HeadScan& scan() {
    assert(kept_ != nullptr);
    return kept_->scan;
  }
  bool empty() const { return kept_ == nullptr; }

 private:
  struct Kept {
    std::string bytes;
    std::size_t size = 0;
    HeadScan scan;
  };
  void keep_longer(std::string_view bytes) {
    auto longer = std::make_unique<Kept>();
    longer->bytes.assign(bytes);
    longer->size = bytes.size();
    kept_ = std::move(longer);
  }

  std::unique_ptr<Kept> kept_;
};

}  // namespace weir
