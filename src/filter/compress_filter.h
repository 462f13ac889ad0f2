// CompressFilter: a body goes in as it is and comes out in a content coding.
#pragma once

#include <chrono>

#include "base/recycled.h"
#include "event/timer.h"
#include "filter/coder_filter.h"

namespace weir {

// When what is held back goes out although more is to come. eager: with each flush of the source
// (events must not wait for those after them); relaxed: flush_delay after it, so that bursts which
// follow each other share a block.
enum class FlushPace : unsigned char { eager, relaxed };

class CompressFilter final : public CoderFilter, public Recycled<CompressFilter> {
 public:
  static constexpr std::chrono::milliseconds flush_delay{10};

  // The lease is an encoder's, of the length of the body if that is known.
  CompressFilter(Loop& loop, CoderTurns& turns, CoderLease lease, FlushPace pace);

  void flush() override;

 private:
  Step run(std::string_view in, std::span<char> out, Upto upto) override;
  void on_over() override { delayed_.cancel(); }

  Timer delayed_;
  FlushPace pace_;
};

}  // namespace weir
