#include "process/reload.h"

#include <doctest/doctest.h>

namespace weir::process {

TEST_CASE("reload: every state can fall back, none can be skipped") {
  using enum Reload::State;
  const Reload::State order[] = {validate, prepare, start, barrier, commit};
  CHECK(may_enter(idle, validate));
  CHECK_FALSE(may_enter(idle, idle));
  for (std::size_t from = 0; from < std::size(order); ++from) {
    CAPTURE(name(order[from]));
    CHECK(may_enter(order[from], idle));
    for (std::size_t to = 0; to < std::size(order); ++to) {
      CHECK(may_enter(order[from], order[to]) == (to == from + 1));
    }
  }
}

}  // namespace weir::process
