#include "upstream/wait_queue.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "field.h"
#include "upstream/group.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct Request final : Waiter {
  Request(Group& of, std::vector<int>& told, int n) : group(of), log(told), number(n) {}
  ~Request() { group.queue().leave(*this); }
  Request& operator=(Request&&) = delete;
  bool on_turn() override {
    TriedPeers tried;
    Group::Picked picked = group.pick(tried, 0);
    if (!picked.in_flight) return false;
    group.queue().leave(*this);
    held = std::move(picked.in_flight);
    log.push_back(number);
    return true;
  }
  void on_wait_over() override { log.push_back(-number); }
  Group& group;
  std::vector<int>& log;
  int number;
  InFlight held;
};

struct Busy {
  explicit Busy(std::uint32_t length, conf::Duration timeout = 60s) {
    clock::refresh();
    conf.name = "origins";
    conf.queue.value = {length, timeout};
    conf.peers.push_back(peer_conf(0));
    conf.peers[0].options.max_conns = 1;
    place = shared.worker();
    group.emplace(loop, conf, nullptr, GroupPlace{shared.zones.get(), place.slot});
    TriedPeers tried;
    busy = group->pick(tried, 0).in_flight;
    REQUIRE(busy);
  }
  std::uint64_t shown() const {
    const auto row = shared.zones->peers.claim_group("origins");
    return shared.zones->peers.group_row(place.slot.index, *row).queued.get();
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) loop.turn(20ms);
  }
  Loop loop;
  Shared shared;
  PeerPlace place;
  conf::UpstreamConf conf;
  std::optional<Group> group;
  InFlight busy;
  std::vector<int> log;
};

}  // namespace

TEST_CASE("queue: who came first is served first, when a request has ended") {
  Busy busy(10);
  Request one(*busy.group, busy.log, 1), two(*busy.group, busy.log, 2);
  REQUIRE(busy.group->queue().enter(one));
  REQUIRE(busy.group->queue().enter(two));
  CHECK(busy.shown() == 2);
  busy.turns(3);
  CHECK(busy.log.empty());
  busy.busy.reset();
  CHECK(busy.log.empty());  // not inside of whatever ended
  busy.turns(1);
  CHECK(busy.log == std::vector<int>{1});
  CHECK(busy.shown() == 1);
  one.held.reset();
  busy.turns(1);
  CHECK(busy.log == std::vector<int>{1, 2});
  CHECK(busy.group->queue().empty());
}

TEST_CASE("queue: it notices that another worker's request has ended") {
  Busy busy(10);
  const PeerPlace other = busy.shared.worker();
  auto& theirs =
      busy.shared.zones->peers.in_flight(other.slot.index, busy.group->peers()[0]->cell_index());
  Request one(*busy.group, busy.log, 1);
  REQUIRE(busy.group->queue().enter(one));
  theirs = 1;
  busy.busy.reset();
  busy.turns(3);
  CHECK(busy.log.empty());
  theirs = 0;  // nobody says so
  for (int i = 0; i < 100 && busy.log.empty(); ++i) busy.turns(1);
  CHECK(busy.log == std::vector<int>{1});
}

TEST_CASE("queue: it takes so many, and one that leaves makes room") {
  Busy busy(2);
  Request one(*busy.group, busy.log, 1), three(*busy.group, busy.log, 3);
  {
    Request two(*busy.group, busy.log, 2);
    CHECK(busy.group->queue().enter(one));
    CHECK(busy.group->queue().enter(two));
    CHECK_FALSE(busy.group->queue().enter(three));
  }
  CHECK(busy.shown() == 1);
  CHECK(busy.group->queue().enter(three));
  Busy none(0);
  Request four(*none.group, none.log, 4);
  CHECK_FALSE(none.group->queue().enter(four));
}

TEST_CASE("queue: who waits too long is told so") {
  Busy busy(2, 30ms);
  Request one(*busy.group, busy.log, 1);
  REQUIRE(busy.group->queue().enter(one));
  for (int i = 0; i < 200 && busy.log.empty(); ++i) busy.turns(1);
  CHECK(busy.log == std::vector<int>{-1});
  CHECK_FALSE(one.waits());
  CHECK(busy.shown() == 0);
}
