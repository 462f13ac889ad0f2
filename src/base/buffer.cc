#include "base/buffer.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#if defined(__has_feature)  // clang says it so, g++ by the macro
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace weir {

BufferPool::~BufferPool() {
  assert(used_ == 0);
  trim();
}

std::size_t BufferPool::class_of(std::size_t size) {
  assert((size & (size - 1)) == 0 && size >= block_bytes_min && size <= block_bytes_max);
  return static_cast<std::size_t>(std::countr_zero(size / block_bytes_min));
}

void BufferPool::trim(std::size_t bytes) {
  for (std::size_t index = classes; index-- > 0;) {
    const std::size_t size = block_bytes_min << index;
    while (kept_ > bytes && free_[index] != nullptr) {
      FreeBlock* block = free_[index];
      ASAN_UNPOISON_MEMORY_REGION(block, size);
      free_[index] = block->next;
      kept_ -= size;
      ::operator delete(block);
    }
  }
}

// Free blocks of other sizes make way before anybody is refused.
bool BufferPool::make_room(std::size_t size) {
  if (size > bytes_max_ || used_ > bytes_max_ - size) return false;
  if (used_ + kept_ + size > bytes_max_) trim(bytes_max_ - size - used_);
  return true;
}

char* BufferPool::take(std::size_t size) {
  const std::size_t index = class_of(size);
  if (FreeBlock* block = free_[index]; block != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    free_[index] = block->next;
    kept_ -= size;
    used_ += size;
    return reinterpret_cast<char*>(block);
  }
  if (!make_room(size)) return nullptr;
  auto* block = static_cast<char*>(::operator new(size, std::nothrow));
  if (block != nullptr) used_ += size;
  return block;
}

void BufferPool::give(char* block, std::size_t size) {
  const std::size_t index = class_of(size);
  assert(block != nullptr && used_ >= size);
  free_[index] = new (block) FreeBlock{free_[index]};
  used_ -= size;
  kept_ += size;
  ASAN_POISON_MEMORY_REGION(block, size);
  if (freed_ != nullptr && !waiting_.empty()) freed_(freed_owner_);
}

void BufferPool::wait(Waiter& waiter) {
  if (!waiter.is_linked()) waiting_.push_back(waiter);
}

void BufferPool::wake() {
  if (waiting_.empty() || used_ >= bytes_max_) return;
  // Each is offered one smallest block; who needs more asks, is refused and waits again. The bound
  // on the number ends the loop although a woken waiter may queue up again.
  std::size_t blocks = (bytes_max_ - used_) / block_bytes_min;
  for (std::size_t waiters = waiting_.size(); waiters > 0 && blocks > 0 && !waiting_.empty();
       --waiters, --blocks) {
    Waiter& waiter = waiting_.front();
    waiter.unlink();
    waiter.woken_(waiter.owner_);
  }
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      block_(std::exchange(other.block_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = other.pool_;
  block_ = std::exchange(other.block_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

bool Buffer::acquire(std::size_t size) {
  if (block_ != nullptr) return true;
  block_ = pool_->take(size);
  if (block_ == nullptr) return false;
  capacity_ = size;
  return true;
}

bool Buffer::acquire_reserve() {
  if (acquire()) return true;
  block_ = static_cast<char*>(::operator new(BufferPool::reserve_bytes, std::nothrow));
  if (block_ == nullptr) return false;
  capacity_ = BufferPool::reserve_bytes;
  return true;
}

void Buffer::give_back(char* block, std::size_t capacity) {
  if (capacity == BufferPool::reserve_bytes) {
    ::operator delete(block);
  } else {
    pool_->give(block, capacity);
  }
}

bool Buffer::grow() {
  if (block_ == nullptr) return acquire();
  return grow_to(std::max(capacity_ * 2, BufferPool::block_bytes_min));
}

bool Buffer::grow_to(std::size_t size) {
  if (block_ == nullptr) return acquire(size);
  if (size <= capacity_ || size > BufferPool::block_bytes_max) return false;
  char* larger = pool_->take(size);
  if (larger == nullptr) return false;
  const std::size_t bytes = end_ - begin_;
  std::memcpy(larger, block_ + begin_, bytes);
  give_back(block_, capacity_);
  block_ = larger;
  capacity_ = size;
  begin_ = 0;
  end_ = bytes;
  return true;
}

bool Buffer::grow_for_body(std::size_t most) {
  return grow_to(std::min(BufferPool::block_within(most), BufferPool::growth * capacity_));
}

void Buffer::release() {
  if (block_ != nullptr) give_back(block_, capacity_);
  block_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

void Buffer::produce(std::size_t bytes) {
  assert(bytes <= capacity_ - end_);
  end_ += bytes;
}

void Buffer::consume(std::size_t bytes) {
  assert(bytes <= size());
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void Buffer::compact() {
  if (begin_ == 0) return;
  std::memmove(block_, block_ + begin_, size());
  end_ -= begin_;
  begin_ = 0;
}

std::size_t Buffer::append(std::string_view bytes) {
  if (bytes.size() > capacity_ - end_ && begin_ != 0) compact();
  const std::size_t count = std::min(bytes.size(), capacity_ - end_);
  if (count == 0) return 0;
  std::memcpy(block_ + end_, bytes.data(), count);
  end_ += count;
  return count;
}

}  // namespace weir
