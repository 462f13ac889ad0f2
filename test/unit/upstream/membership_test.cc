#include "upstream/membership.h"

#include <doctest/doctest.h>

#include "shm/zones.h"

using namespace weir;

namespace {

constexpr std::uint32_t generation = 7;

struct World {
  explicit World(std::uint32_t peers = 16) {
    auto made = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = peers});
    REQUIRE(made);
    zones = std::move(*made);
    conf.name = "api";
    conf.peers.push_back({*Address::parse("10.0.0.1:80"), "origin.example", {}, {}});
    conf.discover.resize(2);
  }
  shm::PeerTable& table() const { return zones->peers; }
  std::optional<std::uint32_t> cell(const std::string& address) const {
    return table().find(shm::PeerName{"api", address, {}}.id());
  }
  shm::PeerWord word(const std::string& address) const {
    const auto index = cell(address);
    return index ? table().info(*index).word : shm::PeerWord{};
  }
  Membership::Done apply(Membership& it, bool keep_former = false) const {
    return it.apply({&first, &second}, orders, generation, keep_former, 5);
  }

  std::unique_ptr<shm::Zones> zones;
  conf::UpstreamConf conf;
  FoundSet first, second;
  Orders orders;
};

FoundPeer found(const std::string& address, std::uint16_t weight = 0, bool backup = false) {
  return {address, address, weight, backup};
}

Ordered order(shm::Order its, std::uint16_t weight = 0, bool added = false) {
  return {{.weight = weight, .order = its, .added = added}, "host"};
}

}  // namespace

TEST_CASE("membership: who was found is a member, by its line, with its weight") {
  World world;
  Membership it(world.table(), world.conf);
  world.first = {found("10.0.0.2:80", 3, true)};
  world.second = {found("10.0.0.2:80", 9), found("10.0.0.3:80")};
  const auto epoch = world.table().epoch();
  CHECK(world.apply(it).changed);
  CHECK(world.table().epoch() > epoch);
  CHECK(world.word("10.0.0.2:80") ==
        shm::PeerWord{.discovered = true, .backup = true, .weight = 3, .line = 1});
  CHECK(world.word("10.0.0.3:80") == shm::PeerWord{.discovered = true, .line = 2});
  CHECK_FALSE(world.cell("10.0.0.1:80"));  // the workers' to claim
}

TEST_CASE("membership: doing it again, and by another housekeeper, touches nothing") {
  World world;
  world.first = {found("10.0.0.2:80", 3)};
  world.orders["10.0.0.1:80"] = order(shm::Order::drained);
  Membership it(world.table(), world.conf);
  CHECK(world.apply(it).changed);
  const auto epoch = world.table().epoch();
  CHECK_FALSE(world.apply(it).changed);
  Membership successor(world.table(), world.conf);
  CHECK_FALSE(world.apply(successor, true).changed);
  CHECK(world.table().epoch() == epoch);
  CHECK(it.stands());
  CHECK(successor.members_of_line(1) == world.first);
  CHECK(successor.orders_of(generation).at("10.0.0.1:80").orders.order == shm::Order::drained);
  CHECK(successor.orders_of(generation + 1).empty());
}

TEST_CASE("membership: a peer of the file that is found as well is one, as the file wants it") {
  World world;
  world.first = {found("10.0.0.1:80", 9, true)};
  Membership it(world.table(), world.conf);
  world.apply(it);
  CHECK(world.word("10.0.0.1:80") == shm::PeerWord{.discovered = true, .line = 1});
  world.first.clear();
  world.apply(it);
  CHECK(world.word("10.0.0.1:80") == shm::PeerWord{});
}

TEST_CASE("membership: who is found no more leaves; health stays whose business it is") {
  World world;
  world.first = {found("10.0.0.2:80"), found("10.0.0.3:80")};
  Membership it(world.table(), world.conf);
  world.apply(it);
  shm::PeerCell& cell = world.table().cell(*world.cell("10.0.0.2:80"));
  shm::PeerWord word = world.word("10.0.0.2:80");
  word.health = shm::Health::healthy;
  word.probed = true;
  cell.word.store(word.pack());
  CHECK(it.stands());
  CHECK_FALSE(world.apply(it).changed);
  CHECK(world.word("10.0.0.2:80").health == shm::Health::healthy);
  world.first = {found("10.0.0.3:80")};
  CHECK(world.apply(it).changed);
  CHECK(world.word("10.0.0.2:80") == shm::PeerWord{.health = shm::Health::healthy, .probed = true});
  CHECK(world.word("10.0.0.3:80").discovered);
}

TEST_CASE("membership: what a peer's agent said is not its business either") {
  World world;
  world.first = {found("10.0.0.2:80", 3)};
  Membership it(world.table(), world.conf);
  world.apply(it);
  shm::PeerCell& cell = world.table().cell(*world.cell("10.0.0.2:80"));
  shm::PeerWord said = world.word("10.0.0.2:80");
  said.said = shm::Said::drain;
  said.said_down = true;
  said.share = 51;
  cell.word.store(said.pack());
  CHECK(it.stands());
  CHECK_FALSE(world.apply(it).changed);
  CHECK(world.word("10.0.0.2:80") == said);
  world.first = {found("10.0.0.2:80", 4)};
  CHECK(world.apply(it).changed);
  said.weight = 4;
  CHECK(world.word("10.0.0.2:80") == said);
}

TEST_CASE("membership: orders count before what sources and the file say") {
  World world;
  world.first = {found("10.0.0.2:80", 3)};
  world.orders["10.0.0.1:80"] = order(shm::Order::none, 5);
  world.orders["10.0.0.2:80"] = order(shm::Order::disabled, 6);
  world.orders["10.0.0.4:80"] = order(shm::Order::none, 2, true);
  world.orders["10.0.0.5:80"] = order(shm::Order::drained);  // not there just now
  Membership it(world.table(), world.conf);
  world.apply(it);
  CHECK(world.word("10.0.0.1:80") == shm::PeerWord{.weight = 5});
  CHECK(world.word("10.0.0.2:80") ==
        shm::PeerWord{.order = shm::Order::disabled, .discovered = true, .weight = 6, .line = 1});
  CHECK(world.word("10.0.0.4:80") == shm::PeerWord{.discovered = true, .weight = 2});
  CHECK_FALSE(world.cell("10.0.0.5:80"));
  CHECK(it.has("10.0.0.4:80"));
  CHECK_FALSE(it.has("10.0.0.5:80"));
  world.orders.erase("10.0.0.4:80");
  world.orders["10.0.0.2:80"] = order(shm::Order::none);
  world.apply(it);
  CHECK_FALSE(world.word("10.0.0.4:80").discovered);
  CHECK(world.word("10.0.0.2:80") == shm::PeerWord{.discovered = true, .weight = 3, .line = 1});
}

TEST_CASE("membership: after a reload, what nothing names any more stays for earlier workers") {
  World world;
  world.first = {found("10.0.0.2:80"), found("10.0.0.3:80")};
  Membership before(world.table(), world.conf);
  world.apply(before);
  world.first = {found("10.0.0.3:80")};
  Membership after(world.table(), world.conf);
  world.apply(after, true);
  CHECK(world.word("10.0.0.2:80") == shm::PeerWord{.discovered = true, .line = shm::former_line});
  CHECK(world.word("10.0.0.3:80").line == 1);
  world.first.clear();  // this one leaves for all: its source says so
  world.apply(after, true);
  CHECK(world.word("10.0.0.3:80") == shm::PeerWord{});
  CHECK(world.word("10.0.0.2:80").discovered);
  world.apply(after, false);
  CHECK(world.word("10.0.0.2:80") == shm::PeerWord{});
}

TEST_CASE("membership: a cell that was taken away is noticed and claimed anew") {
  World world;
  world.first = {found("10.0.0.2:80")};
  Membership it(world.table(), world.conf);
  world.apply(it);
  CHECK(world.table().free(*world.cell("10.0.0.2:80")));
  CHECK_FALSE(it.stands());
  world.apply(it);
  CHECK(it.stands());
  CHECK(world.word("10.0.0.2:80").discovered);
}

TEST_CASE("membership: more peers than cells: those that fit, and how many did not") {
  World world(16);
  for (int i = 10; i < 40; ++i) world.first.push_back(found("10.0.0." + std::to_string(i) + ":80"));
  Membership it(world.table(), world.conf);
  CHECK(world.apply(it).no_room == 14);
  CHECK(it.members_of_line(1).size() == 16);
  world.first.resize(4);
  const auto done = world.apply(it);
  CHECK(done.no_room == 0);
  CHECK(it.members_of_line(1).size() == 4);
}

TEST_CASE("peers: what was ordered of one fits into a word") {
  const shm::PeerOrders orders{0xffffffff, 65'535, shm::Order::removed, true, true};
  CHECK(shm::PeerOrders::unpack(orders.pack()) == orders);
  CHECK(shm::PeerOrders::unpack(0) == shm::PeerOrders{});
  const shm::PeerWord word{.discovered = true, .weight = 65'535, .line = 255};
  CHECK(shm::PeerWord::unpack(word.pack()) == word);
}
