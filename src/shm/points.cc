#include "shm/points.h"

#ifdef WEIR_TEST_HOOKS

#include <atomic>
#include <csignal>

namespace weir::shm::points {
namespace {
std::atomic<Point> armed{Point::none};
std::atomic<int> passings_left{0};
}  // namespace

const char* name(Point point) {
  static constexpr const char* names[] = {"none",
#define WEIR_SHM_POINT_NAME(point_name) #point_name,
                                          WEIR_SHM_POINTS(WEIR_SHM_POINT_NAME)
#undef WEIR_SHM_POINT_NAME
                                              "count"};
  return names[static_cast<int>(point)];
}

void arm(Point point, int passing) {
  passings_left.store(passing, std::memory_order_relaxed);
  armed.store(point, std::memory_order_relaxed);
}

void reached(Point point) {
  if (armed.load(std::memory_order_relaxed) != point) return;
  if (passings_left.fetch_sub(1, std::memory_order_relaxed) == 1) ::raise(SIGSTOP);
}

}  // namespace weir::shm::points

#endif
