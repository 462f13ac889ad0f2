// Recycled: objects of which a warm worker makes one per request without asking the allocator:
// their memory goes onto a short list when they are destroyed and comes off it for the next one.
//
//   class Attempt final : ..., public Recycled<Attempt> { ... };
//
// For objects that one thread makes and destroys. Objects of derived classes go to the allocator.
// Sanitizer builds recycle nothing: they would not see the use of a destroyed object.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

// clang says it otherwise than g++; its words are no valid code for g++.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_RECYCLES_NOTHING 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_RECYCLES_NOTHING 1
#endif

namespace weir {

template <class T, std::size_t kept_max = 256>
class Recycled {
 public:
  static void* operator new(std::size_t size) {
    if (size == sizeof(T) && free_.first != nullptr) {
      Block* const block = free_.first;
      free_.first = block->next;
      --free_.count;
      return block;
    }
    return ::operator new(size);
  }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* memory, std::size_t size) noexcept {
    if (recycles && size == sizeof(T) && free_.count < kept_max) {
      free_.first = new (memory) Block{free_.first};
      ++free_.count;
    } else {
      ::operator delete(memory);
    }
  }

  // Frees what is kept for the next ones.
  static void release() noexcept { free_.release(); }

 private:
#ifdef WEIR_RECYCLES_NOTHING
  static constexpr bool recycles = false;
#else
  static constexpr bool recycles = true;
#endif
  struct Block {
    Block* next;
  };
  struct FreeList {
    Block* first = nullptr;
    std::size_t count = 0;
    FreeList() = default;
    FreeList& operator=(FreeList&&) = delete;
    ~FreeList() {
      release();
      count = kept_max;  // what outlives the thread's list is freed at once
    }
    void release() noexcept {
      while (first != nullptr) ::operator delete(std::exchange(first, first->next));
      count = 0;
    }
  };
  static inline thread_local FreeList free_;
};

}  // namespace weir
