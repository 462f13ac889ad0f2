// Touched: which peers of a roster something happened to since one last looked, a bit for each. Of
// those that compare all peers for one choice: so they look again at a few, not at all.
//
// Both the peers and who looks at them hold it, for neither outlives the other: a peer of an
// earlier roster marks what nobody reads any more.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir {

class Touched {
 public:
  static constexpr std::size_t block = 64;  // so many are looked at together

  explicit Touched(std::size_t size) : size_(size), words_((size + block - 1) / block) { all(); }

  void mark(std::size_t index) {
    assert(index < size_);
    words_[index / block] |= std::uint64_t{1} << index % block;
  }
  void all() {
    words_.assign(words_.size(), ~std::uint64_t{0});
    if (size_ % block != 0) words_.back() >>= block - size_ % block;
  }
  std::size_t blocks() const { return words_.size(); }
  // The marks of a block, which are gone then.
  std::uint64_t take(std::size_t at) { return std::exchange(words_[at], 0); }

 private:
  std::size_t size_;
  std::vector<std::uint64_t> words_;
};

// Calls visit(i) for each bit that is set.
template <class Visit>
void for_each_bit(std::uint64_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::size_t>(std::countr_zero(bits)));
}

}  // namespace weir
