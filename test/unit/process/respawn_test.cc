#include "process/respawn.h"

#include <doctest/doctest.h>

#include <csignal>

namespace weir::process {

TEST_CASE("respawn: the first quick death costs nothing, the next ones ever more, up to 10 s") {
  const long expected[] = {0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
  for (unsigned deaths = 0; deaths < std::size(expected); ++deaths) {
    CAPTURE(deaths);
    CHECK(respawn_delay(deaths).count() == expected[deaths]);
  }
  CHECK(respawn_delay(1000000).count() == 10000);
}

TEST_CASE("respawn: only KILL and TERM come from outside") {
  const auto by_signal = [](int number) {
    Ending ending;
    ending.by_signal = true;
    ending.value = number;
    return ending;
  };
  CHECK(from_outside(by_signal(SIGKILL)));
  CHECK(from_outside(by_signal(SIGTERM)));
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS}) {
    CHECK_FALSE(from_outside(by_signal(number)));
  }
  Ending exited;
  exited.value = SIGKILL;  // an exit status of 9 is something else
  CHECK_FALSE(from_outside(exited));
}

TEST_CASE("an ending says what happened") {
  Ending ending;
  ending.value = 3;
  CHECK(ending.text() == "exited with status 3");
  ending.by_signal = true;
  ending.value = SIGSEGV;
  CHECK(ending.text() == "was killed by signal 11 (SIGSEGV)");
}

}  // namespace weir::process
