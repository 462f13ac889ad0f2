#include "filter/coder_turns.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using std::chrono::milliseconds;

namespace {

milliseconds cost{0};
std::chrono::nanoseconds time_now{0};
std::chrono::nanoseconds fake_clock() { return time_now; }

// Works through its slices as it is allowed to.
struct Worker {
  Worker(CoderTurns& its_turns, std::string& its_log, char its_name, int its_slices)
      : turns(its_turns), log(its_log), name(its_name), slices(its_slices) {}
  void work() {
    while (slices > 0 && turns.begin(waiter)) {
      time_now += cost;
      turns.end();
      log += name;
      --slices;
    }
  }
  CoderTurns& turns;
  std::string& log;
  char name;
  int slices;
  CoderTurns::Waiter waiter{[](void* self) { static_cast<Worker*>(self)->work(); }, this};
};

}  // namespace

TEST_CASE("coder turns: what costs little is done at once") {
  Loop loop;
  CoderTurns turns(loop, fake_clock);
  std::string log;
  cost = milliseconds(0);
  Worker worker(turns, log, 'a', 100);
  worker.work();
  CHECK(log.size() == 100);
  CHECK(turns.put_off() == 0);
}

TEST_CASE("coder turns: a turn ends after its time, and who waits longest is first in the next") {
  Loop loop;
  CoderTurns turns(loop, fake_clock);
  std::string log;
  cost = milliseconds(1);
  Worker a(turns, log, 'a', 5), b(turns, log, 'b', 2), c(turns, log, 'c', 1);
  a.work();
  b.work();
  c.work();
  CHECK(log == "aa");
  loop.turn(milliseconds(0));  // this turn's time is used up: nothing is called in it
  CHECK(log == "aa");
  loop.turn(milliseconds(0));
  CHECK(log == "aaaa");
  loop.turn(milliseconds(0));
  CHECK(log == "aaaabb");
  loop.turn(milliseconds(0));
  CHECK(log == "aaaabbca");
  loop.turn(milliseconds(0));
  CHECK(a.slices + b.slices + c.slices == 0);
}

TEST_CASE("coder turns: a newcomer does not overtake those who wait") {
  Loop loop;
  CoderTurns turns(loop, fake_clock);
  std::string log;
  cost = milliseconds(2);
  Worker a(turns, log, 'a', 1), b(turns, log, 'b', 1), c(turns, log, 'c', 1);
  a.work();
  b.work();
  CHECK(log == "a");
  loop.turn(milliseconds(0));
  c.work();  // a new turn, and its time is not used up
  CHECK(log == "a");
  loop.turn(milliseconds(0));
  CHECK(log == "ab");
  loop.turn(milliseconds(0));
  CHECK(log == "abc");
}

TEST_CASE("coder turns: who waits may be destroyed, also by another who is called") {
  Loop loop;
  CoderTurns turns(loop, fake_clock);
  std::string log;
  cost = milliseconds(2);
  Worker first(turns, log, 'a', 1);
  first.work();
  auto gone = std::make_unique<Worker>(turns, log, 'b', 1);
  struct Killer {
    std::unique_ptr<Worker>& victim;
    CoderTurns::Waiter waiter{[](void* self) { static_cast<Killer*>(self)->victim.reset(); }, this};
  } killer{gone};
  CHECK_FALSE(turns.begin(killer.waiter));
  gone->work();
  for (int i = 0; i < 5; ++i) loop.turn(milliseconds(0));
  CHECK(log == "a");
  CHECK_FALSE(gone);
}
