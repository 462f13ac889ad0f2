#include "upstream/hashed.h"

#include <random>
#include <set>

#include "base/hash.h"
#include "field.h"
#include "upstream/ring.h"

using namespace weir;
using namespace weir::test;

namespace {

std::vector<std::uint64_t> keys(std::size_t count) {
  std::vector<std::uint64_t> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(hash64("/article/" + std::to_string(i)));
  return made;
}

// Whose each key is, by identity.
std::vector<std::uint64_t> owners(const Ring& ring, const Roster& roster,
                                  const std::vector<std::uint64_t>& all) {
  std::vector<std::uint64_t> found;
  found.reserve(all.size());
  for (const std::uint64_t key : all) {
    found.push_back(roster.peers[ring.owner(ring.find(key))]->id());
  }
  return found;
}

std::vector<std::uint32_t> ones(std::size_t count) { return std::vector<std::uint32_t>(count, 1); }

}  // namespace

TEST_CASE("hash64: known values, for rings of different releases must agree") {
  CHECK(hash64("") == mix64(14695981039346656037U));
  CHECK(mix64(1) == 0x5692161d100b05e5U);
  CHECK(hash64("/index.html") == 0xf6ad651c57d64427U);
}

TEST_CASE("ring: a key is its peer's, in every worker and after every restart") {
  const auto all = keys(1000);
  const Field one(ones(7)), two(ones(7));
  Ring first, second;
  first.renew(one.roster);
  second.renew(two.without(3));
  second.renew(two.roster);  // by another way
  CHECK(owners(first, one.roster, all) == owners(second, two.roster, all));
}

// That only its own keys move is exact, and so is 1/n on the average over who leaves, since each
// key is one peer's. A single peer's share strays: by 1/sqrt(160) of itself for its points, and by
// the keys that were drawn; none of them by four times that.
TEST_CASE(
    "ring: when one of n peers leaves only its own keys move, which are 1/n, and they spread") {
  const auto all = keys(20'000);
  for (const std::size_t size : {2u, 5u, 20u, 100u}) {
    CAPTURE(size);
    const Field field(ones(size));
    Ring ring;
    ring.renew(field.roster);
    const auto before = owners(ring, field.roster, all);
    const double share = 1.0 / static_cast<double>(size);
    const double strays = share * std::sqrt(1.0 / Ring::points_per_weight +
                                            1 / (share * static_cast<double>(all.size())));
    std::size_t moved_of_all = 0;
    for (std::size_t leaving = 0; leaving < size; ++leaving) {
      const std::uint64_t gone = field.peers[leaving]->id();
      const Roster rest = field.without(leaving);
      ring.renew(rest);
      const auto after = owners(ring, rest, all);
      std::size_t moved = 0, of_others = 0;
      std::set<std::uint64_t> heirs;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (before[i] == after[i]) continue;
        ++moved;
        heirs.insert(after[i]);
        of_others += before[i] != gone;
      }
      CHECK(of_others == 0);
      CHECK(static_cast<double>(moved) / static_cast<double>(all.size()) <= share + 4 * strays);
      CHECK(heirs.size() >= std::min<std::size_t>(size * 3 / 4, 20));
      moved_of_all += moved;
      ring.renew(field.roster);
      CHECK(owners(ring, field.roster, all) == before);
    }
    CHECK(moved_of_all == all.size());
  }
}

TEST_CASE("ring: shares are as the weights, as near as its points allow") {
  const auto all = keys(100'000);
  const Field field({1, 2, 4, 1, 8});
  Ring ring;
  ring.renew(field.roster);
  std::map<std::uint64_t, double> share;
  for (const std::uint64_t id : owners(ring, field.roster, all)) share[id] += 1;
  for (std::size_t i = 0; i < field.peers.size(); ++i) {
    const double weight = field.roster.weights[i] / (16.0 * Roster::weight_unit);
    const double points = field.roster.weights[i] * 160.0 / Roster::weight_unit;
    CHECK(share[field.peers[i]->id()] / static_cast<double>(all.size()) ==
          doctest::Approx(weight).epsilon(4 / std::sqrt(points)));
  }
}

TEST_CASE("ring: a peer whose weight grows takes keys and gives none, and back again") {
  const auto all = keys(5000);
  const Field field(ones(6));
  Roster half = field.roster;
  half.weights[2] /= 2;
  Ring ring;
  ring.renew(half);
  const auto before = owners(ring, half, all);
  ring.renew(field.roster);
  const auto after = owners(ring, field.roster, all);
  const std::uint64_t grown = field.peers[2]->id();
  int taken = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (before[i] == after[i]) continue;
    CHECK(after[i] == grown);
    ++taken;
  }
  CHECK(taken > 0);
  ring.renew(half);
  CHECK(owners(ring, half, all) == before);
}

TEST_CASE("ring: its points are bounded, whatever the weights") {
  std::vector<std::uint32_t> weights(50, 65'535);
  weights.push_back(1);
  const Field field(weights);
  Ring ring;
  ring.renew(field.roster);
  CHECK(ring.size() <= Ring::points_most + weights.size());
  CHECK(ring.size() >= Ring::points_most / 4);
  ring.renew(Field({1, 1}).roster);
  CHECK(ring.size() == 2 * Ring::points_per_weight);
}

TEST_CASE("ring: at random changes it is as if it were made anew") {
  std::mt19937 random(11);
  const auto all = keys(500);
  const Field field(ones(40));
  Ring ring;
  for (int change = 0; change < 60; ++change) {
    Roster some;
    for (std::size_t i = 0; i < 40; ++i) {
      if (random() % 3 != 0)
        some.add(*field.peers[i], static_cast<std::uint32_t>(1 + random() % 200));
    }
    if (some.size() == 0) continue;
    ring.renew(some);
    Ring fresh;
    fresh.renew(some);
    REQUIRE(ring.size() == fresh.size());
    REQUIRE(owners(ring, some, all) == owners(fresh, some, all));
  }
}

TEST_CASE("hashed: where a peer may not be chosen the next one on the ring is, and at last any") {
  const Field field(ones(30));
  Hashed balancer(0);
  balancer.renew(field.roster);
  for (const std::uint64_t key : keys(50)) {
    TriedPeers tried;
    std::set<std::size_t> picked;
    for (std::size_t i = 0; i < 30; ++i) {
      const std::size_t index = field.pick(balancer, tried, key);
      REQUIRE(index != no_peer);
      CHECK(picked.insert(index).second);
      tried.add(index);
    }
    CHECK(field.pick(balancer, tried, key) == no_peer);
  }
  balancer.renew(Roster());
  CHECK(Field({}).pick(balancer) == no_peer);
}

TEST_CASE("hashed: keys of a peer that is full spread over all others") {
  const Field field(ones(20));
  field.peers[4]->set_options({.max_conns = 1});
  Hashed balancer(0);
  balancer.renew(field.roster);
  std::vector<std::uint64_t> its_own;
  for (const std::uint64_t key : keys(10'000)) {
    if (field.pick(balancer, {}, key) == 4) its_own.push_back(key);
  }
  const InFlight full = field.peers[4]->enter() ? InFlight(*field.peers[4]) : InFlight();
  std::set<std::size_t> heirs;
  for (const std::uint64_t key : its_own) heirs.insert(field.pick(balancer, {}, key));
  CHECK_FALSE(heirs.contains(4));
  CHECK(heirs.size() == 19);
}

TEST_CASE("hashed: with bounded load no peer gets more than its bound, though all want one key") {
  for (const std::uint32_t bound : {110u, 125u, 200u}) {
    CAPTURE(bound);
    const Field field({1, 1, 2, 4, 1, 1});
    Hashed balancer(bound);
    balancer.renew(field.roster);
    std::vector<InFlight> requests;
    clock::Monotonic now{};
    for (int i = 0; i < 2000; ++i) {
      if (i % 7 == 0) now += Hashed::total_after;
      const std::size_t index = field.pick(balancer, {}, hash64("the one"), now);
      REQUIRE(index != no_peer);
      REQUIRE(field.peers[index]->enter());
      requests.emplace_back(*field.peers[index]);
      const double share =
          static_cast<double>(i + 1) * field.roster.weights[index] / (10.0 * Roster::weight_unit);
      CHECK(field.peers[index]->own_in_flight() <= std::ceil(share * bound / 100));
    }
  }
}

TEST_CASE("hashed: bounded load leaves a key where it is while its peer has no more than others") {
  const Field field(ones(10));
  Hashed plain(0), bounded(125);
  plain.renew(field.roster);
  bounded.renew(field.roster);
  int same = 0;
  for (const std::uint64_t key : keys(1000)) {
    same += field.pick(plain, {}, key) == field.pick(bounded, {}, key);
  }
  CHECK(same == 1000);
}

TEST_CASE("hashed: bounded load counts the requests of all workers") {
  Shared shared;
  const Field mine(ones(4), shared.worker()), theirs(ones(4), shared.worker());
  Hashed balancer(125);
  balancer.renew(mine.roster);
  const std::uint64_t key = hash64("the one");
  const std::size_t owner = mine.pick(balancer, {}, key);
  std::vector<InFlight> requests;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(theirs.peers[owner]->enter());
    requests.emplace_back(*theirs.peers[owner]);
  }
  CHECK(mine.pick(balancer, {}, key) != owner);
}
