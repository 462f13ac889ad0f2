#include "upstream/loads.h"

#include <random>
#include <set>

#include "field.h"

using namespace weir;
using namespace weir::test;

namespace {

std::set<std::size_t> take_all(Touched& touched) {
  std::set<std::size_t> out;
  for (std::size_t block = 0; block < touched.blocks(); ++block) {
    for_each_bit(touched.take(block),
                 [&](std::size_t bit) { out.insert(block * Touched::block + bit); });
  }
  return out;
}

}  // namespace

TEST_CASE("touched: at first all are, then those that were marked, once") {
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 130u}) {
    CAPTURE(size);
    Touched touched(size);
    CHECK(take_all(touched).size() == size);
    CHECK(take_all(touched).empty());
    for (std::size_t i = 0; i < size; i += 63) touched.mark(i);
    const std::set<std::size_t> found = take_all(touched);
    CHECK(found.size() == (size + 62) / 63);
    for (const std::size_t i : found) CHECK(i % 63 == 0);
    touched.all();
    CHECK(take_all(touched).size() == size);
  }
}

TEST_CASE("loads: after each look they are what all have in flight, and what changed is marked") {
  std::mt19937 random(3);
  for (const std::size_t size : {1u, 40u, 300u}) {
    CAPTURE(size);
    Shared shared(512);
    const Field elsewhere(std::vector<std::uint32_t>(7, 1), shared.worker());  // lines are shared
    std::vector<std::unique_ptr<Field>> workers;
    for (int i = 0; i < 3; ++i) {
      workers.push_back(
          std::make_unique<Field>(std::vector<std::uint32_t>(size, 1), shared.worker()));
    }
    const Field& mine = *workers[0];
    Loads loads;
    Touched changed(size);
    loads.renew(mine.roster);
    std::vector<std::uint64_t> known(size);
    for (int round = 0; round < 50; ++round) {
      take_all(changed);
      for (int i = 0; i < 5; ++i) {
        Peer& peer = *workers[random() % 3]->peers[random() % size];
        if (random() % 3 == 0 && peer.own_in_flight() != 0) {
          peer.leave();
        } else {
          REQUIRE(peer.enter());
        }
      }
      loads.refresh(changed);
      std::set<std::size_t> expected;
      for (std::size_t i = 0; i < size; ++i) {
        CHECK(loads.of(i) == mine.peers[i]->in_flight());
        const std::uint64_t others = mine.peers[i]->in_flight() - mine.peers[i]->own_in_flight();
        if (std::exchange(known[i], others) != others) expected.insert(i);
      }
      CHECK(take_all(changed) == expected);
    }
    for (const auto& worker : workers) {
      for (const auto& peer : worker->peers) {
        while (peer->own_in_flight() != 0) peer->leave();
      }
    }
  }
}

TEST_CASE("loads: what a worker had in flight that died is gone") {
  Shared shared;
  const Field mine({1, 1}, shared.worker());
  const PeerPlace place = shared.worker();
  const Field theirs({1, 1}, place);
  REQUIRE(theirs.peers[1]->enter());
  Loads loads;
  Touched changed(2);
  loads.renew(mine.roster);
  loads.refresh(changed);
  REQUIRE(loads.of(1) == 1);
  shared.zones->peers.wipe(place.slot.index);
  loads.refresh(changed);
  CHECK(loads.of(1) == 0);
}

TEST_CASE("loads: more than can be looked at in one go is seen in several") {
  constexpr std::size_t size = Loads::reads_most;
  Shared shared(size);
  const Field mine(std::vector<std::uint32_t>(size, 1), shared.worker());
  const Field one(std::vector<std::uint32_t>(size, 1), shared.worker());
  const Field two(std::vector<std::uint32_t>(size, 1), shared.worker());
  Loads loads;
  Touched changed(size);
  loads.renew(mine.roster);
  for (const Field* field : {&one, &two}) {
    for (const auto& peer : field->peers) REQUIRE(peer->enter());
  }
  const auto seen = [&] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < size; ++i) count += loads.of(i) == 2;
    return count;
  };
  loads.refresh(changed);
  CHECK(seen() > size / 4);
  CHECK(seen() < size);
  loads.refresh(changed);
  loads.refresh(changed);
  CHECK(seen() == size);
  CHECK(loads.count({}, {}));
  CHECK(loads.total() == 2 * size);
  CHECK_FALSE(loads.count({}, {}));
  for (const Field* field : {&one, &two}) {
    for (const auto& peer : field->peers) peer->leave();
  }
}
