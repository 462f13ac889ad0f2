// Retirement: what becomes of a generation that serves no longer.
//
// Its workers drain: nothing is cut until worker_shutdown_timeout. When more than
// old_generations_max are draining, the oldest drops idle connections first, then tunnels; beyond
// twice that number it is stopped. A generation ends with its last child.
#pragma once

#include "process/instance.h"

namespace weir::process {

class Retirement {
 public:
  explicit Retirement(Instance& instance) : instance_(instance) {}

  // Before close_removed(): workers of the old generation still accept on addresses that are gone.
  void retire(Generation& generation);
  // Addresses that are not configured any more go on accepting for 2 s, then they are closed.
  void close_removed();
  // After each death: ends generations that have no children left.
  void sweep();
  // The instance stops: every child leaves within `grace`.
  void stop_all(std::chrono::milliseconds grace);

 private:
  void forget_removed();
  void limit_old_generations();
  void drop_tunnels(std::uint64_t number);
  void out_of_time(std::uint64_t number);
  void tell(std::uint64_t generation, Message::Kind kind);

  Instance& instance_;
};

}  // namespace weir::process
