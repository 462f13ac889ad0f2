// Quiet: what a busy time left warm in a worker (rooms of exchanges, recycled objects, buffers,
// free pages of the allocator) goes back to the system once a second has passed without a request,
// so that ten thousand idle connections cost what they are made of.
#pragma once

#include <chrono>
#include <cstdint>

#include "event/timer.h"
#include "proxy/worker_context.h"

namespace weir {

class Quiet {
 public:
  static constexpr std::chrono::milliseconds after{1000};

  explicit Quiet(WorkerContext& context);  // which outlives it
  Quiet& operator=(Quiet&&) = delete;

 private:
  static void look(void* self);

  WorkerContext& context_;
  Timer timer_;
  std::uint64_t requests_ = 0;  // when it last looked
  bool given_back_ = true;
};

}  // namespace weir
