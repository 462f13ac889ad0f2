// Buffer and BufferPool: the bytes of a direction of a connection, bounded per worker.
//
// A pool hands out blocks of 16 KiB to 256 KiB (powers of two), keeps the freed ones for the next
// taker and never holds more than its bound. A Buffer owns at most one block and two positions in
// it. An empty pool is not an error: acquire() and grow() say no, and the caller stops reading
// until its Waiter is woken; nothing may grow by another way.
//
// One thread. The pool outlives its buffers and waiters. In address-sanitizer builds a block that
// nobody owns is poisoned.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/list.h"

namespace weir {

class BufferPool {
 public:
  static constexpr std::size_t block_bytes_min = std::size_t{16} * 1024;
  static constexpr std::size_t block_bytes_max = std::size_t{256} * 1024;
  static constexpr std::size_t reserve_bytes = std::size_t{4} * 1024;
  // How much larger the next block of a body is while reads fill it and the receiver takes all: a
  // system call costs as much as copying tens of KiB, and who only drips never fills one.
  static constexpr std::size_t growth = 4;

  // Someone who was refused a block. woken() runs once, from wake(), and may take a block, wait
  // again or destroy the waiter.
  class Waiter : public ListHook<> {
   public:
    using Callback = void (*)(void* owner);
    Waiter(Callback woken, void* owner) : woken_(woken), owner_(owner) {}

   private:
    friend class BufferPool;
    Callback woken_;
    void* owner_;
  };

  // The largest block of at most `bytes`, or the smallest there is.
  static std::size_t block_within(std::size_t bytes) {
    return std::clamp(std::bit_floor(bytes), block_bytes_min, block_bytes_max);
  }

  explicit BufferPool(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ~BufferPool();  // every block is back
  BufferPool& operator=(BufferPool&&) = delete;

  // A block of exactly `size` (a power of two from block_bytes_min to block_bytes_max), or nullptr
  // when the bound is reached or there is no memory.
  char* take(std::size_t size);
  void give(char* block, std::size_t size);

  void wait(Waiter& waiter);  // first come, first woken; waiting twice is waiting once
  // Wakes those who wait, as many as there are free blocks for. Never from inside give(): whoever
  // runs the loop calls it at the end of a turn in which `freed` was called.
  void wake();
  // A block came back while somebody waits.
  void on_freed(void (*freed)(void* owner), void* owner) { freed_ = freed, freed_owner_ = owner; }

  std::size_t bytes_max() const { return bytes_max_; }
  std::size_t bytes_used() const { return used_; }  // in the hands of buffers
  std::size_t bytes_kept() const { return kept_; }  // free, kept for the next taker
  // Returns kept blocks to the allocator until at most `bytes` of them remain.
  void trim(std::size_t bytes = 0);

 private:
  static constexpr std::size_t classes = 5;  // 16, 32, 64, 128, 256 KiB
  struct FreeBlock {
    FreeBlock* next;
  };

  static std::size_t class_of(std::size_t size);
  bool make_room(std::size_t size);

  std::size_t bytes_max_;
  std::size_t used_ = 0;
  std::size_t kept_ = 0;
  std::array<FreeBlock*, classes> free_{};
  List<Waiter> waiting_;
  void (*freed_)(void* owner) = nullptr;
  void* freed_owner_ = nullptr;
};

class Buffer {
 public:
  explicit Buffer(BufferPool& pool) : pool_(&pool) {}
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  // Makes sure that there is a block (of `size` if there was none). False: the pool is empty.
  bool acquire(std::size_t size = BufferPool::block_bytes_min);
  // At least 4 KiB, beyond the pool's bound if need be: for output that must go on so that others
  // can give their blocks back. False: no memory.
  bool acquire_reserve();
  // Twice the block (from a reserve: a smallest block), or one of `size`, a power of two; the bytes
  // kept. False, and nothing changed: at the largest, or the pool is empty.
  bool grow();
  bool grow_to(std::size_t size);
  // BufferPool::growth times the block, to the largest of at most `most` bytes: after a read that
  // filled it.
  bool grow_for_body(std::size_t most);
  void release();  // gives the block back, with whatever is in it
  void release_if_empty() {
    if (empty()) release();
  }

  std::string_view readable() const { return {block_ + begin_, end_ - begin_}; }
  std::span<char> readable_bytes() {
    return {block_ + begin_, end_ - begin_};
  }  // to change in place
  std::span<char> writable() { return {block_ + end_, capacity_ - end_}; }
  void produce(std::size_t bytes);  // the first `bytes` of writable() are now readable
  void consume(std::size_t bytes);  // the first `bytes` of readable() are done with
  void compact();  // moves what is readable to the front: all free room is writable
  // Copies as much of `bytes` as there is room for behind what is there; returns how much.
  std::size_t append(std::string_view bytes);
  void clear() { begin_ = end_ = 0; }

  bool empty() const { return begin_ == end_; }
  bool full() const { return end_ == capacity_ && begin_ == 0; }  // compact() would not help
  bool has_block() const { return block_ != nullptr; }
  std::size_t size() const { return end_ - begin_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t room() const { return capacity_ - size(); }  // after a compact()
  BufferPool& pool() const { return *pool_; }

 private:
  void give_back(char* block, std::size_t capacity);

  BufferPool* pool_;
  char* block_ = nullptr;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace weir
