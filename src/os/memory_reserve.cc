#include "os/memory_reserve.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <ctime>
#include <exception>
#include <new>

#include "base/log.h"

namespace weir {
namespace {

MemoryReserve* the_one = nullptr;
constexpr long wait_ns = 100'000'000;
constexpr unsigned waits_per_line = 100;  // of the log
constexpr int exit_status = 1;

// A failure while the owner has not refilled the reserve yet, and there is memory: so often it is
// tried again all the same. More is a request that no memory will ever be enough for.
constexpr unsigned second_chances_max = 64;
unsigned second_chances = 0;

}  // namespace

MemoryReserve::MemoryReserve(std::size_t bytes, Empty empty, Used used, void* owner)
    : bytes_(bytes), empty_(empty), used_(used), owner_(owner) {
  assert(the_one == nullptr);
  the_one = this;
  refill();
  std::set_new_handler(&on_failure);
}

MemoryReserve::~MemoryReserve() {
  forget();
  release();
}

void MemoryReserve::forget() {
  std::set_new_handler(nullptr);
  the_one = nullptr;
}

// Never touched, so it costs no memory; but it counts where the kernel refuses memory at all:
// against RLIMIT_AS and under strict overcommit.
bool MemoryReserve::refill() {
  second_chances = 0;
  if (whole() || bytes_ == 0) return true;
  void* const at =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  ::madvise(at, bytes_, MADV_DONTFORK);  // refused: a child has it, too, and does not use it
  at_ = at;
  return true;
}

void MemoryReserve::release() {
  if (whole()) ::munmap(at_, bytes_);
  at_ = nullptr;
}

void MemoryReserve::wait() {
  if (waits_++ % waits_per_line == 0) {  // the line may come here again
    log::line(log::Level::alert, "out of memory: waiting for some");
  }
  const timespec pause{0, wait_ns};
  ::nanosleep(&pause, nullptr);
}

void MemoryReserve::on_failure() {
  MemoryReserve* const self = the_one;
  if (self == nullptr) std::terminate();  // the logging below failed, too
  if (self->whole()) {
    self->release();
    if (self->used_ != nullptr) self->used_(self->owner_);
    return;
  }
  if (self->empty_ == Empty::waits) return self->wait();
  const unsigned chances = second_chances;
  if (chances < second_chances_max && self->refill()) {
    second_chances = chances + 1;
    self->release();
    return;
  }
  the_one = nullptr;
  log::line(log::Level::emerg, "out of memory: this process ends");
  ::_exit(exit_status);
}

}  // namespace weir
