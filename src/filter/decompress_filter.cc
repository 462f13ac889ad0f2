#include "filter/decompress_filter.h"

namespace weir {

DecompressFilter::DecompressFilter(CoderTurns& turns, CoderLease lease,
                                   const DecompressLimits& limits, Side sender)
    : CoderFilter(turns, std::move(lease)), limits_(limits), sender_(sender) {}

void DecompressFilter::flush() { flush_now(); }

CoderFilter::Step DecompressFilter::run(std::string_view in, std::span<char> out, Upto upto) {
  const bool last = upto == Upto::end;
  const Decoder::Step step = lease().decoder().run(in, out, last);
  coded_ += step.taken;
  decoded_ += step.made;
  const auto fail = [&](std::string_view what) {
    return Step{step.taken, 0, false, Error{sender_, what}};
  };
  if (!step.broken.empty()) return fail(step.broken);
  if (limits_.bytes_max != 0 && decoded_ > limits_.bytes_max)
    return fail("decoded body is too large");
  if (limits_.ratio_max != 0 && decoded_ > DecompressLimits::ratio_from &&
      decoded_ / limits_.ratio_max > coded_)
    return fail("coded body stands for too much");
  const bool wants_more = step.taken == in.size() && step.made < out.size();
  return {step.taken, step.made, last ? step.done : wants_more, std::nullopt};
}

}  // namespace weir
