#include "tools/load/schedule.h"

#include <algorithm>
#include <cmath>

namespace weir::load {

std::uint64_t Schedule::requests_in(double per_second, Time duration) {
  const double exact = per_second * std::chrono::duration<double>(duration).count();
  // 0.1 s of 30 a second are three, though the product of the doubles is a hair more.
  return static_cast<std::uint64_t>(std::max(1.0, std::ceil(exact - 1e-6)));
}

Schedule::Time Schedule::start_of(std::uint64_t nth) const {
  const auto overall = static_cast<double>(share_.worker + nth * share_.workers);
  return Time(std::llround(overall / per_second_ * 1e9));
}

std::uint64_t Schedule::due(Time now) const {
  if (now < start_of(0)) return 0;
  const double overall = static_cast<double>(now.count()) / 1e9 * per_second_;
  auto nth = static_cast<std::uint64_t>(std::max(0.0, (overall - share_.worker) / share_.workers));
  // The division may be off by one either way; start_of() is what counts.
  while (nth > 0 && start_of(nth) > now) --nth;
  while (start_of(nth + 1) <= now) ++nth;
  return std::min(nth + 1, total_);
}

}  // namespace weir::load
