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
  // Of a request: long enough for a holder that lost its processor to get on. Where that was in
  // vain the holder is stopped or worse: for a second the process's requests hardly wait then.
  static constexpr std::chrono::microseconds brief{20'000}, hardly{1000};
  // Of the housekeeper and of commands, which may wait.
  static constexpr std::chrono::microseconds patient{100'000};

  explicit Lock(const Memory& memory);
  Lock(const Memory& memory, std::chrono::microseconds most);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  explicit operator bool() const { return control_ != nullptr; }

 private:
  void got(const Memory& memory, int result);
  Control* control_ = nullptr;
};

}  // namespace weir::cache
