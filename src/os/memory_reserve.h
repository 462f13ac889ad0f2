// MemoryReserve: what becomes of a process when an allocation fails.
//
// Some address space is kept back. When operator new gets nothing it is given back to the kernel,
// the owner is told, and the allocation is tried again, so that it succeeds and nothing has to be
// unwound in the middle of a callback: no exception is thrown. The owner then makes room and
// refills the reserve. Where a second failure comes before that, the process ends with a line in
// the log (a worker: its connections are lost and nobody else's), or, where `Empty::waits` says so,
// waits until there is memory (the master: whoever needs it most).
//
// C libraries ask malloc() themselves, get nullptr and report an error; they draw on no reserve.
#pragma once

#include <cstddef>

namespace weir {

class MemoryReserve {
 public:
  enum class Empty : unsigned char { ends, waits };
  // Called inside an allocation: may not allocate, throw or touch what is being allocated for.
  using Used = void (*)(void* owner);

  // One in a process. It covers the kernel's refusals from now on.
  MemoryReserve(std::size_t bytes, Empty empty, Used used, void* owner);
  ~MemoryReserve();
  MemoryReserve& operator=(MemoryReserve&&) = delete;

  bool refill();  // false: there is no memory for it yet
  bool whole() const { return at_ != nullptr; }

  // In a child: the parent's reserve is not its own.
  static void forget();

 private:
  static void on_failure();
  void release();
  void wait();

  std::size_t bytes_;
  Empty empty_;
  Used used_;
  void* owner_;
  void* at_ = nullptr;
  unsigned waits_ = 0;
};

}  // namespace weir
