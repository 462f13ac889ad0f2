// CoderMemory: where coders' libraries get their memory: blocks in size classes, recycled, counted.
//
// A freed block is kept for the next taker, whichever coder that is, so that a body costs no call
// of the allocator once as many have run at once. Before the bound would be passed kept blocks are
// freed, then whoever holds more than it needs is asked (on_short). Takers are admitted by
// CoderPool, by what they may need at most: a coder at work is never refused here.
//
// One thread. Outlives whoever took from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

class CoderMemory {
 public:
  explicit CoderMemory(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  ~CoderMemory();
  CoderMemory& operator=(CoderMemory&&) = delete;

  void* take(std::size_t bytes) noexcept;  // nullptr: the machine has none
  void give(void* memory) noexcept;        // nullptr: nothing
  // What take(bytes) counts for.
  static std::size_t cost(std::size_t bytes);

  // False: nothing could be freed. May call give().
  void on_short(bool (*free_some)(void* owner), void* owner) {
    free_some_ = free_some, owner_ = owner;
  }

  std::uint64_t bytes_used() const { return used_; }  // in the hands of coders
  std::uint64_t bytes_kept() const { return kept_; }  // free, kept for the next taker
  std::uint64_t bytes_max() const { return bytes_max_; }
  std::uint64_t allocations() const { return allocations_; }  // blocks that were not kept ones
  void trim(std::uint64_t bytes);  // frees kept blocks until at most so many bytes are kept

 private:
  struct Block {  // before what was taken
    std::size_t index;
    Block* next;
  };
  static_assert(sizeof(Block) % alignof(std::max_align_t) == 0);
  static constexpr std::size_t smallest = 256;
  static constexpr std::size_t classes = 4 * 24;  // four to a doubling

  static std::size_t class_of(std::size_t bytes);
  static std::size_t size_of(std::size_t index);
  bool make_room(std::size_t size) noexcept;

  std::uint64_t bytes_max_;
  std::uint64_t used_ = 0, kept_ = 0, allocations_ = 0;
  std::array<Block*, classes> free_{};
  bool (*free_some_)(void* owner) = nullptr;
  void* owner_ = nullptr;
};

}  // namespace weir
