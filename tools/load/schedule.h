// Schedule: when each request of an open loop is meant to start: at a fixed rate from the first on,
// whatever becomes of those before. Several workers take turns: worker w of W sends the requests
// w, w + W, w + 2W ... Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::load {

struct Share {  // of the work of a run
  unsigned worker = 0, workers = 1;
  std::uint64_t of(std::uint64_t total) const {  // the shares add up to `total`
    return total / workers + (worker < total % workers ? 1 : 0);
  }
};

class Schedule {
 public:
  using Time = std::chrono::nanoseconds;  // since the start of the run

  // `requests` are those of all workers together.
  Schedule(double per_second, std::uint64_t requests, const Share& share)
      : per_second_(per_second), share_(share), total_(share.of(requests)) {}

  // How many requests are meant to start within `duration`, the first of them at its beginning.
  static std::uint64_t requests_in(double per_second, Time duration);

  std::uint64_t total() const { return total_; }  // of this worker
  Time start_of(std::uint64_t nth) const;         // of this worker's nth request, from 0
  std::uint64_t due(Time now) const;              // how many are meant to have started by then

 private:
  double per_second_;
  Share share_;
  std::uint64_t total_;
};

}  // namespace weir::load
