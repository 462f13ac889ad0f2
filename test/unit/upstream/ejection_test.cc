#include "upstream/ejection.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("fail window: what is older than the span does not count") {
  constexpr std::int64_t second = 1'000'000'000;
  FailWindow window(10 * second);
  window.add(100 * second, 2);
  window.add(105 * second, 1);
  CHECK(window.count(105 * second) == 3);
  CHECK(window.count(109 * second) == 3);
  CHECK(window.count(110 * second) == 1);
  CHECK(window.count(114 * second) == 1);
  CHECK(window.count(115 * second) == 0);
  window.add(200 * second, 4);
  CHECK(window.count(200 * second) == 4);
  window.clear();
  CHECK(window.count(200 * second) == 0);
}

TEST_CASE("fail window: a span of nothing is no division by it") {
  FailWindow window(0);
  window.add(5, 1);
  CHECK(window.count(5) == 1);
  CHECK(window.count(100) == 0);
}

TEST_CASE("ejection: a share of the group at most, one of several always, the last one never") {
  struct Case {
    EjectionScene scene;
    std::uint32_t percent;
    bool may;
  };
  for (const Case& it : {
           Case{{.members = 1, .ejected = 0, .fit_others = 0}, 100, false},
           Case{{.members = 2, .ejected = 0, .fit_others = 1}, 50, true},
           Case{{.members = 2, .ejected = 1, .fit_others = 0}, 100, false},
           Case{{.members = 3, .ejected = 0, .fit_others = 2}, 10, true},
           Case{{.members = 3, .ejected = 0, .fit_others = 2}, 0, true},
           Case{{.members = 3, .ejected = 1, .fit_others = 1}, 50, false},
           Case{{.members = 4, .ejected = 1, .fit_others = 2}, 50, true},
           Case{{.members = 4, .ejected = 2, .fit_others = 1}, 50, false},
           Case{{.members = 10, .ejected = 4, .fit_others = 5}, 50, true},
           Case{{.members = 10, .ejected = 5, .fit_others = 4}, 50, false},
           Case{{.members = 10, .ejected = 8, .fit_others = 1}, 100, true},
           // The others are UNREACHABLE: who fails beside them is the best there is.
           Case{{.members = 4, .ejected = 0, .fit_others = 0}, 50, false},
       }) {
    CAPTURE(it.scene.members);
    CAPTURE(it.scene.ejected);
    CAPTURE(it.percent);
    CHECK(may_eject(it.scene, it.percent) == it.may);
  }
}
