// Exact simulators of the eviction policies, one object one place, and the traces they are asked
// about: what the store's approximations are measured against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <list>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace weir::cache {

// Keys by Zipf's law, and a share of keys that come once. Numbers of those begin beyond `keys`.
class Trace {
 public:
  Trace(std::uint32_t keys, double skew, double once, unsigned seed)
      : keys_(keys), once_(once), random_(seed), sums_(keys) {
    double sum = 0;
    for (std::uint32_t i = 0; i < keys; ++i) sums_[i] = sum += 1 / std::pow(i + 1.0, skew);
  }
  std::uint64_t next() {
    std::uniform_real_distribution<double> share(0, 1);
    if (share(random_) < once_) return keys_ + ++single_;
    const auto at = std::lower_bound(sums_.begin(), sums_.end(), share(random_) * sums_.back());
    return static_cast<std::uint64_t>(at - sums_.begin());
  }

 private:
  std::uint64_t keys_, single_ = 0;
  double once_;
  std::mt19937_64 random_;
  std::vector<double> sums_;
};

class ExactLru {
 public:
  explicit ExactLru(std::size_t places) : places_(places) {}
  bool ask(std::uint64_t key) {  // true: it was there
    if (const auto it = where_.find(key); it != where_.end()) {
      order_.splice(order_.begin(), order_, it->second);
      return true;
    }
    if (where_.size() == places_) {
      where_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    where_[key] = order_.begin();
    return false;
  }

 private:
  std::size_t places_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

// As in "FIFO queues are all you need for cache eviction" (SOSP 2023), section 4.
class ExactS3Fifo {
 public:
  explicit ExactS3Fifo(std::size_t places) : places_(places) {}
  bool ask(std::uint64_t key) {
    if (const auto it = times_.find(key); it != times_.end()) {
      it->second = std::min(it->second + 1, 3);
      return true;
    }
    while (times_.size() >= places_) evict();
    if (ghost_.erase(key) != 0) {
      main_.push_front(key);
    } else {
      small_.push_front(key);
    }
    times_[key] = 0;
    return false;
  }

 private:
  void evict() {
    if (small_.size() * 10 >= places_ || main_.empty()) {
      evict_small();
    } else {
      evict_main();
    }
  }
  void evict_small() {
    while (!small_.empty()) {
      const std::uint64_t key = small_.back();
      small_.pop_back();
      if (times_[key] < 2) {
        times_.erase(key);
        remember(key);
        return;
      }
      times_[key] = 0;
      main_.push_front(key);
    }
  }
  void evict_main() {
    for (;;) {
      const std::uint64_t key = main_.back();
      main_.pop_back();
      if (times_[key] == 0) {
        times_.erase(key);
        return;
      }
      --times_[key];
      main_.push_front(key);
    }
  }
  void remember(std::uint64_t key) {
    ghost_.insert(key);
    ghosts_.push_front(key);
    while (ghosts_.size() > places_ - places_ / 10) {
      ghost_.erase(ghosts_.back());
      ghosts_.pop_back();
    }
  }

  std::size_t places_;
  std::deque<std::uint64_t> small_, main_, ghosts_;
  std::unordered_map<std::uint64_t, int> times_;
  std::unordered_set<std::uint64_t> ghost_;
};

}  // namespace weir::cache
