#include "upstream/health.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>

using namespace weir;
using shm::Health;

namespace {

// A letter for each change: H, U, n (no start), . for none.
std::string changes(HealthState& state, std::string_view probes, const HealthRule& rule) {
  std::string out;
  for (const char probe : probes) {
    switch (count_probe(state, probe == '+', rule)) {
      case HealthChange::none: out += '.'; break;
      case HealthChange::healthy: out += 'H'; break;
      case HealthChange::unreachable: out += 'U'; break;
      case HealthChange::no_start: out += 'n'; break;
    }
  }
  return out;
}

struct Case {
  std::string_view probes, said;
  Health end;
};

}  // namespace

TEST_CASE("health: three states, by probes in a row") {
  for (const Case& it : {
           Case{"++", ".H", Health::healthy},
           Case{"+-++", ".n.H", Health::healthy},
           Case{"----------", "n.........", Health::not_initiated},
           Case{"++--", ".H..", Health::healthy},
           Case{"++--+--+", ".H......", Health::healthy},
           Case{"++---", ".H..U", Health::unreachable},
           Case{"++------", ".H..U...", Health::unreachable},
           Case{"++---+-+", ".H..U...", Health::unreachable},
           Case{"++---++", ".H..U.H", Health::healthy},
           Case{"++---++--+---", ".H..U.H.....U", Health::unreachable},
       }) {
    CAPTURE(it.probes);
    HealthState state;
    CHECK(changes(state, it.probes, {.fails = 3, .passes = 2}) == it.said);
    CHECK(state.health == it.end);
  }
}

TEST_CASE("health: a peer that has passed and not failed is no worse than an unknown one") {
  HealthState state;
  CHECK(changes(state, "++", {.fails = 1, .passes = 3}) == "..");
  CHECK_FALSE(state.known);
  CHECK(changes(state, "-", {.fails = 1, .passes = 3}) == "n");
  CHECK(state.known);
}

TEST_CASE("health: with one pass and one failure each probe decides") {
  HealthState state;
  CHECK(changes(state, "+-+-", {.fails = 1, .passes = 1}) == "HUHU");
}

TEST_CASE("health: a predecessor's counts go on") {
  HealthState state{Health::healthy, true, 0, 2};
  CHECK(changes(state, "-", {.fails = 3, .passes = 2}) == "U");
  HealthState half{Health::unreachable, true, 1, 0};
  CHECK(changes(half, "+", {.fails = 3, .passes = 2}) == "H");
}

TEST_CASE("health: no other way than those of the drawing, whatever the probes say") {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    HealthState state;
    const auto one_to_four = [&] { return static_cast<std::uint32_t>(1 + random() % 4); };
    const HealthRule rule{one_to_four(), one_to_four()};
    for (int probe = 0; probe < 200; ++probe) {
      const Health before = state.health;
      count_probe(state, random() % 2 == 0, rule);
      if (state.health != before) CHECK(may_enter(before, state.health));
      CHECK((state.health == Health::not_initiated || state.known));
    }
  }
}
