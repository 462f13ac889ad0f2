#include "upstream/acceptance.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace std::chrono_literals;
using Verdict = Acceptance::Verdict;

namespace {

FoundSet set_of(std::initializer_list<const char*> addresses) {
  FoundSet out;
  for (const char* address : addresses) out.push_back({address, address, 0, false});
  return out;
}

const clock::Monotonic start{1h};

}  // namespace

TEST_CASE("acceptance: the first set is believed, and each that grows or changes") {
  Acceptance acceptance;
  CHECK(acceptance.judge(set_of({"a"}), start).verdict == Verdict::accepted);
  const auto grown = acceptance.judge(set_of({"a", "b", "c"}), start);
  CHECK(grown.verdict == Verdict::accepted);
  CHECK(grown.say == "+b, +c (3 peers)");
  const auto other = acceptance.judge(set_of({"b", "c", "d"}), start);
  CHECK(other.verdict == Verdict::accepted);
  CHECK(other.say == "-a, +d (3 peers)");
  CHECK(acceptance.judge(set_of({"b", "c"}), start).verdict == Verdict::accepted);
  const auto same = acceptance.judge(set_of({"b", "c"}), start);
  CHECK(same.verdict == Verdict::same);
  CHECK(same.say == "");
}

TEST_CASE("acceptance: another weight of a peer is a change") {
  Acceptance acceptance(set_of({"a", "b"}));
  FoundSet heavier = set_of({"a", "b"});
  heavier[1].weight = 5;
  const auto outcome = acceptance.judge(heavier, start);
  CHECK(outcome.verdict == Verdict::accepted);
  CHECK(outcome.say == "~b (2 peers)");
  CHECK(acceptance.accepted() == heavier);
}

TEST_CASE("acceptance: a set without half of the peers is held until the same comes again") {
  Acceptance acceptance(set_of({"a", "b", "c", "d"}));
  const auto held = acceptance.judge(set_of({"a", "b"}), start);
  CHECK(held.verdict == Verdict::held);
  CHECK(held.say.find("only 2 of 4") != std::string::npos);
  CHECK(acceptance.accepted().size() == 4);
  SUBCASE("the same: believed") {
    CHECK(acceptance.judge(set_of({"a", "b"}), start + 1s).verdict == Verdict::accepted);
    CHECK(acceptance.accepted() == set_of({"a", "b"}));
  }
  SUBCASE("another small one: held, without another word") {
    const auto other = acceptance.judge(set_of({"c"}), start + 1s);
    CHECK(other.verdict == Verdict::held);
    CHECK(other.say == "");
    CHECK(acceptance.judge(set_of({"c"}), start + 2s).verdict == Verdict::accepted);
  }
  SUBCASE("all are back: it was nothing") {
    CHECK(acceptance.judge(set_of({"a", "b", "c", "d"}), start + 1s).verdict == Verdict::same);
    CHECK(acceptance.judge(set_of({"a", "b"}), start + 2s).verdict == Verdict::held);
  }
  SUBCASE("small ones that differ each time: believed in the end") {
    CHECK(acceptance.judge(set_of({"c"}), start + 15s).verdict == Verdict::held);
    CHECK(acceptance.judge(set_of({"d"}), start + 29s).verdict == Verdict::held);
    CHECK(acceptance.judge(set_of({"a"}), start + 30s).verdict == Verdict::accepted);
  }
  SUBCASE("an error in between confirms nothing and forgets nothing") {
    acceptance.trouble("no answer in time");
    CHECK(acceptance.accepted().size() == 4);
    CHECK(acceptance.judge(set_of({"a", "b"}), start + 1s).verdict == Verdict::accepted);
  }
}

TEST_CASE("acceptance: one of three less is no reason to wait") {
  Acceptance acceptance(set_of({"a", "b", "c"}));
  CHECK(acceptance.judge(set_of({"a", "b"}), start).verdict == Verdict::accepted);
  CHECK(acceptance.judge(set_of({"a"}), start).verdict == Verdict::held);
}

TEST_CASE("acceptance: troubles leave the last set, and are said once") {
  Acceptance acceptance(set_of({"a", "b"}));
  const auto first = acceptance.trouble("no such name");
  CHECK(first.verdict == Verdict::refused);
  CHECK(first.say == "no such name: the last 2 peers stay");
  CHECK(acceptance.trouble("no such name").say == "");
  CHECK(acceptance.trouble("no answer in time").say != "");
  CHECK(acceptance.judge({}, start).say == "an empty set: the last 2 peers stay");
  CHECK(acceptance.judge({}, start).say == "");
  CHECK(acceptance.accepted().size() == 2);
  CHECK(acceptance.judge(set_of({"a", "b"}), start).say != "");
  CHECK(acceptance.judge(set_of({"a", "b"}), start).say == "");
  CHECK(acceptance.trouble("no such name").say != "");
}

TEST_CASE("acceptance: a source that never answered has no peers") {
  Acceptance acceptance;
  CHECK(acceptance.trouble("can't be read").say == "can't be read: no peers yet");
  CHECK(acceptance.judge({}, start).verdict == Verdict::refused);
  CHECK_FALSE(acceptance.answered());
}

TEST_CASE("found peers: in order, each once, no more than there is room for") {
  FoundSet set = set_of({"c", "a", "b", "a"});
  set[3].weight = 9;
  CHECK(put_in_order(set, 3) == 0);
  CHECK(set == set_of({"a", "b", "c"}));  // the first mention counts
  CHECK(put_in_order(set, 2) == 1);
  CHECK(set == set_of({"a", "b"}));
}

TEST_CASE("found peers: of many changes a few are shown") {
  FoundSet many;
  for (int i = 10; i < 30; ++i) many.push_back({std::to_string(i), "", 0, false});
  CHECK(difference({}, many) == "+10, +11, +12, +13, +14, +15, +16, +17 and 12 more");
  CHECK(difference(many, many) == "");
}
