// DecompressFilter: a body goes in in a content coding and comes out as it is. What the next sink
// does not take is not decoded either, so a small body that stands for a large one costs no memory;
// and that it stands for too much is an error.
#pragma once

#include <cstdint>

#include "base/recycled.h"
#include "filter/coder_filter.h"

namespace weir {

struct DecompressLimits {
  std::uint64_t bytes_max = 0;  // decoded; 0: any number
  // Decoded bytes to coded ones, judged once ratio_from bytes are decoded; 0: any.
  std::uint32_t ratio_max = 0;
  static constexpr std::uint64_t ratio_from = std::uint64_t{1} << 20;
};

class DecompressFilter final : public CoderFilter, public Recycled<DecompressFilter> {
 public:
  // The lease is a decoder's. `sender`: whom a broken body is laid to.
  DecompressFilter(CoderTurns& turns, CoderLease lease, const DecompressLimits& limits,
                   Side sender = Side::upstream);

  void flush() override;

 private:
  Step run(std::string_view in, std::span<char> out, Upto upto) override;

  DecompressLimits limits_;
  std::uint64_t coded_ = 0, decoded_ = 0;
  Side sender_;
};

}  // namespace weir
