// Wishes: of which stored answers another copy is wanted, for the process that makes them. One word
// each: how, and the place in the index; a place that holds another answer by now costs a copy that
// nobody asked for. What does not fit is forgotten: who wants it asks again.
#pragma once

#include <optional>

#include "cache/layout.h"

namespace weir::cache {

class Wishes {
 public:
  struct Wish {
    std::uint32_t how = 0;  // 31 bits
    std::uint32_t entry = 0;
  };

  explicit Wishes(const Memory& memory) : memory_(memory) {}

  bool put(const Wish& wish) const {
    const std::uint64_t word = there | std::uint64_t{wish.how} << 32 | wish.entry;
    std::atomic<std::uint64_t>* empty = nullptr;
    for (std::uint32_t i = wish_places; i-- > 0;) {
      const std::uint64_t was = memory_.wishes[i].load(std::memory_order_relaxed);
      if (was == word) return true;
      if (was == 0) empty = &memory_.wishes[i];
    }
    std::uint64_t none = 0;
    return empty != nullptr &&
           empty->compare_exchange_strong(none, word, std::memory_order_relaxed);
  }

  std::optional<Wish> take() const {
    for (std::uint32_t i = 0; i < wish_places; ++i) {
      if (memory_.wishes[i].load(std::memory_order_relaxed) == 0) continue;
      const std::uint64_t word = memory_.wishes[i].exchange(0, std::memory_order_relaxed);
      if (word == 0) continue;
      return Wish{static_cast<std::uint32_t>((word & ~there) >> 32),
                  static_cast<std::uint32_t>(word)};
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint64_t there = std::uint64_t{1} << 63;
  const Memory& memory_;
};

}  // namespace weir::cache
