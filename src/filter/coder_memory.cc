#include "filter/coder_memory.h"

#include <bit>
#include <cassert>
#include <new>

namespace weir {

CoderMemory::~CoderMemory() {
  assert(used_ == 0);
  trim(0);
}

std::size_t CoderMemory::size_of(std::size_t index) {
  return (smallest << (index / 4)) / 4 * (4 + index % 4);
}

std::size_t CoderMemory::class_of(std::size_t bytes) {
  if (bytes <= smallest) return 0;
  const auto doubling = static_cast<std::size_t>(std::bit_width((bytes - 1) / smallest)) - 1;
  std::size_t index = doubling * 4;
  while (size_of(index) < bytes) ++index;
  return index;
}

std::size_t CoderMemory::cost(std::size_t bytes) {
  return size_of(class_of(bytes + sizeof(Block)));
}

void* CoderMemory::take(std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes + sizeof(Block));
  if (index >= classes) return nullptr;
  const std::size_t size = size_of(index);
  Block* block = free_[index];
  if (block != nullptr) {
    free_[index] = block->next;
    kept_ -= size;
  } else {
    while (used_ + kept_ + size > bytes_max_ && make_room(size)) {
    }
    void* const memory = ::operator new(size, std::nothrow);
    if (memory == nullptr) return nullptr;
    ++allocations_;
    block = new (memory) Block{index, nullptr};
  }
  used_ += size;
  return block + 1;
}

void CoderMemory::give(void* memory) noexcept {
  if (memory == nullptr) return;
  Block* const block = static_cast<Block*>(memory) - 1;
  const std::size_t size = size_of(block->index);
  assert(used_ >= size);
  used_ -= size;
  block->next = free_[block->index];
  free_[block->index] = block;
  kept_ += size;
}

bool CoderMemory::make_room(std::size_t size) noexcept {
  if (kept_ > 0) {
    const std::uint64_t over = used_ + kept_ + size - bytes_max_;
    trim(kept_ > over ? kept_ - over : 0);
    return true;
  }
  return free_some_ != nullptr && free_some_(owner_);
}

void CoderMemory::trim(std::uint64_t bytes) {
  for (std::size_t index = classes; index-- > 0;) {
    while (kept_ > bytes && free_[index] != nullptr) {
      Block* const block = free_[index];
      free_[index] = block->next;
      kept_ -= size_of(index);
      ::operator delete(block);
    }
  }
}

}  // namespace weir
