#include "filter/compress_filter.h"

namespace weir {

CompressFilter::CompressFilter(Loop& loop, CoderTurns& turns, CoderLease lease, FlushPace pace)
    : CoderFilter(turns, std::move(lease)),
      delayed_(
          loop, [](void* self) { static_cast<CompressFilter*>(self)->flush_now(); }, this),
      pace_(pace) {}

void CompressFilter::flush() {
  if (!coding()) return;
  if (pace_ == FlushPace::eager || !holds_something()) {
    flush_now();
  } else if (!delayed_.armed()) {
    delayed_.arm(flush_delay);
  }
}

CoderFilter::Step CompressFilter::run(std::string_view in, std::span<char> out, Upto upto) {
  const Encoder::Step step = lease().encoder().run(in, out, upto);
  if (step.failed) return {0, 0, false, Error{Side::self, "no memory to code a body"}};
  return {step.taken, step.made, step.done, std::nullopt};
}

}  // namespace weir
