#include "event/loop.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "base/clock.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "os/fd.h"

using namespace weir;
using std::chrono::milliseconds;

namespace {

struct Pair {
  Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    a = Fd(ends[0]);
    b = Fd(ends[1]);
  }
  Fd a, b;
};

struct Seen {
  static void call(void* self, Ready ready) {
    auto& seen = *static_cast<Seen*>(self);
    ++seen.calls;
    seen.last = ready;
  }
  int calls = 0;
  Ready last;
};

void say(const Fd& fd, std::string_view bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_CASE("watcher: one registration tells of room, data and the peer's end, each once") {
  Loop loop;
  Pair pair;
  Seen seen;
  Watcher watcher(loop, &Seen::call, &seen);
  REQUIRE(watcher.watch(pair.a.get()));
  loop.turn(milliseconds(0));
  CHECK(seen.calls == 1);
  CHECK(seen.last.writable);
  CHECK_FALSE(seen.last.readable);
  loop.turn(milliseconds(0));
  CHECK(seen.calls == 1);  // an edge, not a level
  say(pair.b, "x");
  loop.turn(milliseconds(0));
  CHECK(seen.calls == 2);
  CHECK(seen.last.readable);
  CHECK_FALSE(seen.last.closed);
  ::shutdown(pair.b.get(), SHUT_WR);
  loop.turn(milliseconds(0));
  CHECK(seen.calls == 3);
  CHECK(seen.last.closed);
  CHECK(seen.last.readable);
}

TEST_CASE("watcher: again() calls in the next turn without an edge, once") {
  Loop loop;
  Pair pair;
  Seen seen;
  Watcher watcher(loop, &Seen::call, &seen);
  REQUIRE(watcher.watch(pair.a.get()));
  loop.turn(milliseconds(0));
  watcher.again({true, false, false});
  watcher.again({false, false, false});
  loop.turn(milliseconds(10'000));  // does not wait
  CHECK(seen.calls == 2);
  CHECK(seen.last.readable);
  CHECK_FALSE(seen.last.writable);
  loop.turn(milliseconds(0));
  CHECK(seen.calls == 2);
}

TEST_CASE("watcher: who asks again in every call gets one call per turn") {
  Loop loop;
  Pair pair;
  struct Greedy {
    explicit Greedy(Loop& on) : watcher(on, &Greedy::call, this) {}
    static void call(void* self, Ready) {
      auto& greedy = *static_cast<Greedy*>(self);
      ++greedy.calls;
      greedy.watcher.again({true, false, false});
    }
    Watcher watcher;
    int calls = 0;
  } greedy(loop);
  REQUIRE(greedy.watcher.watch(pair.a.get()));
  for (int turn = 1; turn <= 5; ++turn) {
    loop.turn(milliseconds(10'000));
    CHECK(greedy.calls == turn);
  }
}

TEST_CASE("watcher: a callback may destroy its own and another's watcher with an event queued") {
  Loop loop;
  Pair one, two;
  struct Doer {
    static void call(void* self, Ready) {
      auto& doer = *static_cast<Doer*>(self);
      ++doer.calls;
      doer.first.reset();
      doer.second.reset();
    }
    std::unique_ptr<Watcher> first, second;
    int calls = 0;
  } doer;
  doer.first = std::make_unique<Watcher>(loop, &Doer::call, &doer);
  doer.second = std::make_unique<Watcher>(loop, &Doer::call, &doer);
  REQUIRE(doer.first->watch(one.a.get()));
  REQUIRE(doer.second->watch(two.a.get()));
  loop.turn(milliseconds(0));
  loop.turn(milliseconds(0));
  CHECK(doer.calls == 1);
}

TEST_CASE("level watcher: tells as long as something is unread, and never after stop()") {
  Loop loop;
  Pair pair;
  int calls = 0;
  LevelWatcher watcher(
      loop, [](void* count) { ++*static_cast<int*>(count); }, &calls);
  REQUIRE(watcher.watch(pair.a.get()));
  say(pair.b, "x");
  loop.turn(milliseconds(0));
  loop.turn(milliseconds(0));
  CHECK(calls == 2);
  watcher.stop();
  loop.turn(milliseconds(0));
  CHECK(calls == 2);
}

TEST_CASE("timer: fires once, not early, and after being pushed back at the later time") {
  Loop loop;
  struct Clocked {
    static void fire(void* self) {
      auto& it = *static_cast<Clocked*>(self);
      ++it.fired;
      it.at = std::chrono::steady_clock::now();
    }
    int fired = 0;
    std::chrono::steady_clock::time_point at;
  } clocked;
  Timer timer(loop, &Clocked::fire, &clocked);
  clock::refresh();
  timer.arm(milliseconds(5));
  timer.arm(milliseconds(40));
  const auto start = clock::now();
  CHECK(timer.armed());
  while (clocked.fired == 0) loop.turn(milliseconds(1000));
  CHECK(clocked.at - start >= milliseconds(40));
  CHECK_FALSE(timer.armed());
  timer.arm(milliseconds(0));
  timer.cancel();
  for (int turn = 0; turn < 3; ++turn) loop.turn(milliseconds(15));
  CHECK(clocked.fired == 1);
}

TEST_CASE("loop: deferred work runs at the end of the turn, once, and may schedule more") {
  Loop loop;
  std::string order;
  struct Step {
    Step(Loop& on, std::string& into, char as, Deferred* next)
        : task(on, &Step::run, this), order(into), name(as), then(next) {}
    static void run(void* self) {
      auto& step = *static_cast<Step*>(self);
      step.order += step.name;
      if (step.then != nullptr) step.then->schedule();
    }
    Deferred task;
    std::string& order;
    char name;
    Deferred* then;
  };
  Step last(loop, order, 'c', nullptr), first(loop, order, 'a', &last.task),
      never(loop, order, 'x', nullptr);
  first.task.schedule();
  first.task.schedule();
  never.task.schedule();
  never.task.cancel();
  loop.turn(milliseconds(10'000));
  CHECK(order == "ac");
}

TEST_CASE("loop: a task that always schedules itself does not keep the turn from ending") {
  Loop loop;
  struct Forever {
    explicit Forever(Loop& on) : task(on, &Forever::run, this) {}
    static void run(void* self) {
      auto& it = *static_cast<Forever*>(self);
      ++it.runs;
      it.task.schedule();
    }
    Deferred task;
    int runs = 0;
  } forever(loop);
  forever.task.schedule();
  loop.turn(milliseconds(10'000));
  const int once = forever.runs;
  CHECK(once >= 1);
  CHECK(once < 100);
  loop.turn(milliseconds(10'000));
  CHECK(forever.runs > once);
}

TEST_CASE("loop: what is handed over for destruction lives to the end of the turn") {
  struct Noisy {
    explicit Noisy(std::string& into) : log(into) {}
    ~Noisy() { log += "gone "; }
    std::string& log;
  };
  std::string log;
  Loop loop;
  struct Owner {
    Owner(Loop& on, std::string& into) : loop(on), log(into), task(on, &run, this) {}
    static void run(void* self) {
      auto& owner = *static_cast<Owner*>(self);
      owner.loop.destroy_later(std::make_unique<Noisy>(owner.log));
      owner.log += "task ";
    }
    Loop& loop;
    std::string& log;
    Deferred task;
  } owner(loop, log);
  owner.task.schedule();
  loop.turn(milliseconds(0));
  CHECK(log == "task gone ");
}

TEST_CASE("loop: hooks run once per turn around the callbacks, with a fresh clock") {
  Loop loop;
  Pair pair;
  struct Log {
    std::vector<std::string> lines;
  } log;
  loop.set_hooks({[](void* it) { static_cast<Log*>(it)->lines.emplace_back("woke"); },
                  [](void* it) { static_cast<Log*>(it)->lines.emplace_back("sleeps"); }, &log});
  Watcher watcher(
      loop, [](void* it, Ready) { static_cast<Log*>(it)->lines.emplace_back("event"); }, &log);
  REQUIRE(watcher.watch(pair.a.get()));
  loop.turn(milliseconds(0));
  loop.turn(milliseconds(0));
  CHECK(log.lines == std::vector<std::string>{"woke", "event", "sleeps", "woke", "sleeps"});
  CHECK(loop.turns() == 2);
}
