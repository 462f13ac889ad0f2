// Budget: a bound on what many holders in one worker have in sum. Who takes gives back as much.
#pragma once

#include <cassert>
#include <cstddef>

namespace weir {

class Budget {
 public:
  explicit Budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  Budget& operator=(Budget&&) = delete;

  [[nodiscard]] bool take(std::size_t bytes) {
    if (bytes > bytes_max_ - used_) return false;
    used_ += bytes;
    return true;
  }
  void give(std::size_t bytes) {
    assert(bytes <= used_);
    used_ -= bytes;
  }
  std::size_t bytes_max() const { return bytes_max_; }
  std::size_t bytes_used() const { return used_; }

 private:
  std::size_t bytes_max_;
  std::size_t used_ = 0;
};

}  // namespace weir
