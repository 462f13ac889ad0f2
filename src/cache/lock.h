// The lock of a cache zone: one robust mutex, taken with a time limit. Whoever does not get it does
// without: a miss, or an answer that is not stored.
//
// An owner that died leaves the zone damaged for writing: nobody is let in until the housekeeper
// has repaired it, which it does without the lock, as nobody else changes anything meanwhile.
#pragma once

#include <chrono>

#include "cache/layout.h"

namespace weir::cache {

// Master, before it forks.
bool make_lock(Control& control);

// As pthread_mutex_lock() answers, or ETIMEDOUT.
int lock_within(pthread_mutex_t& mutex, std::chrono::microseconds most);

class Lock {
 public:
  // Of a request; of the housekeeper and of commands, which may wait.
  static constexpr std::chrono::microseconds brief{1000}, patient{100'000};

  explicit Lock(const Memory& memory, std::chrono::microseconds most = brief);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  explicit operator bool() const { return control_ != nullptr; }

 private:
  Control* control_ = nullptr;
};

}  // namespace weir::cache
