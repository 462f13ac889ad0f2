#include "cache/lock.h"

#include <cerrno>
#include <ctime>

#include "cache/disk_tier.h"

namespace weir::cache {
namespace {

constexpr std::int64_t impatient_ms = 1000;

}  // namespace

int lock_within(pthread_mutex_t& mutex, std::chrono::microseconds most) {
  if (const int now = ::pthread_mutex_trylock(&mutex); now != EBUSY) return now;
#if defined(__SANITIZE_THREAD__)
  constexpr clockid_t clock = CLOCK_REALTIME;  // of the timed locks it knows this one only
#else
  constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
  timespec until{};
  ::clock_gettime(clock, &until);
  const auto ns = until.tv_nsec + std::chrono::nanoseconds(most).count();
  until.tv_sec += ns / 1'000'000'000;
  until.tv_nsec = ns % 1'000'000'000;
#if defined(__SANITIZE_THREAD__)
  return ::pthread_mutex_timedlock(&mutex, &until);
#else
  return ::pthread_mutex_clocklock(&mutex, clock, &until);
#endif
}

bool make_lock(Control& control) {
  pthread_mutexattr_t attributes;
  if (::pthread_mutexattr_init(&attributes) != 0) return false;
  const bool made = ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                    ::pthread_mutex_init(&control.mutex, &attributes) == 0;
  ::pthread_mutexattr_destroy(&attributes);
  return made;
}

Lock::Lock(const Memory& memory) {
  if (memory.has_damage()) return;
  pthread_mutex_t& mutex = memory.control->mutex;
  int result = ::pthread_mutex_trylock(&mutex);
  if (result == EBUSY) {
    result = lock_within(mutex, DiskTier::now_ms() < memory.impatient_until_ms ? hardly : brief);
    if (result == ETIMEDOUT) memory.impatient_until_ms = DiskTier::now_ms() + impatient_ms;
  }
  got(memory, result);
}

Lock::Lock(const Memory& memory, std::chrono::microseconds most) {
  if (!memory.has_damage()) got(memory, lock_within(memory.control->mutex, most));
}

void Lock::got(const Memory& memory, int result) {
  Control& control = *memory.control;
  if (result == EOWNERDEAD) {
    memory.found_damage();  // before anybody else is let in
    ::pthread_mutex_consistent(&control.mutex);
  } else if (result != 0) {
    count(control.lock_timeouts);
    return;
  }
  if (memory.has_damage()) {
    ::pthread_mutex_unlock(&control.mutex);
    return;
  }
  control_ = &control;
}

Lock::~Lock() {
  if (control_ != nullptr) ::pthread_mutex_unlock(&control_->mutex);
}

}  // namespace weir::cache
