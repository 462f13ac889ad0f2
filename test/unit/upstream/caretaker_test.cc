#include "upstream/caretaker.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "base/log.h"
#include "shm/zones.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> said;  // log lines

struct Listening {
  Listening() {
    said.clear();
    log::set_sink([](log::Level, std::string_view line) { said.emplace_back(line); });
  }
  ~Listening() { log::set_sink(nullptr); }
};

std::size_t lines_with(std::string_view text) {
  std::size_t count = 0;
  for (const std::string& line : said) count += line.find(text) != std::string::npos ? 1 : 0;
  return count;
}

conf::UpstreamConf upstream(std::string name, int peers) {
  conf::UpstreamConf conf;
  conf.name = std::move(name);
  conf.max_ejected.value = 50;
  for (int i = 0; i < peers; ++i) {
    conf::PeerConf peer;
    peer.address = *Address::parse_ip("127.0.0.1", static_cast<std::uint16_t>(8000 + i));
    peer.host = "127.0.0.1";
    peer.options.fail_timeout = 200ms;
    conf.peers.push_back(peer);
  }
  return conf;
}

// A table, a loop, and a caretaker that may be replaced as a housekeeper's successor does.
struct House {
  House() {
    clock::refresh();
    auto made = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = 32});
    REQUIRE(made);
    zones = std::move(*made);
  }
  const shm::PeerTable& table() { return zones->peers; }
  void begin() {
    caretaker.reset();
    caretaker = std::make_unique<Caretaker>(loop, config, nullptr, table());
  }
  shm::PeerCell& cell(std::string_view group, int peer) {
    const std::string address = "127.0.0.1:" + std::to_string(8000 + peer);
    const auto index = table().find(shm::PeerName{group, address, ""}.id());
    REQUIRE(index);
    return table().cell(*index);
  }
  // As a worker does it.
  void fail(std::string_view group, int peer, std::uint64_t count = 1) {
    cell(group, peer).failure.store(conf::RetryConf::timeout);
    cell(group, peer).failures.fetch_add(count);
  }
  bool ejected(std::string_view group, int peer) {
    return cell(group, peer).ejected_until_ns.load() > clock::now().time_since_epoch().count();
  }
  template <class Condition>
  bool turn_until(Condition condition) {
    for (int turn = 0; turn < 1000 && !condition(); ++turn) loop.turn(10ms);
    return condition();
  }

  const Listening listening;
  Loop loop;
  conf::Config config;
  std::unique_ptr<shm::Zones> zones;
  std::unique_ptr<Caretaker> caretaker;
};

}  // namespace

TEST_CASE("caretaker: a peer that fails is left out, all see it, and it comes back slowly") {
  House house;
  house.config.upstreams.push_back(upstream("a", 2));
  house.begin();
  house.loop.turn(0ms);
  const std::uint64_t epoch = house.table().epoch();
  house.fail("a", 0);
  house.caretaker->woken();
  CHECK(house.turn_until([&] { return house.table().epoch() > epoch; }));
  CHECK(house.ejected("a", 0));
  CHECK_FALSE(house.ejected("a", 1));
  CHECK(house.cell("a", 0).ejections.load() == 1);
  CHECK(lines_with("127.0.0.1:8000 is left out for 200ms: 1 failure of requests within 200ms, "
                   "the last: timeout") == 1);
  const std::int64_t until = house.cell("a", 0).ejected_until_ns.load();
  CHECK(house.turn_until([&] { return house.cell("a", 0).ejected_until_ns.load() == 0; }));
  CHECK(house.cell("a", 0).slow_start_ns.load() == until);
  CHECK(lines_with("127.0.0.1:8000 is used again") == 1);
  CHECK(lines_with("") == 2);
}

TEST_CASE("caretaker: max_fails within fail_timeout, no fewer") {
  House house;
  house.config.upstreams.push_back(upstream("a", 2));
  house.config.upstreams[0].peers[0].options.max_fails = 3;
  house.config.upstreams[0].peers[0].options.fail_timeout = 1h;
  house.begin();
  house.fail("a", 0, 2);
  house.caretaker->woken();
  for (int turn = 0; turn < 5; ++turn) house.loop.turn(10ms);
  CHECK_FALSE(house.ejected("a", 0));
  house.fail("a", 0);
  house.caretaker->woken();
  CHECK(house.turn_until([&] { return house.ejected("a", 0); }));
}

TEST_CASE("caretaker: no more than max_ejected, and never the last one that is fit") {
  House house;
  house.config.upstreams.push_back(upstream("a", 10));
  house.config.upstreams.push_back(upstream("b", 1));
  house.config.upstreams.push_back(upstream("c", 2));
  for (auto& conf : house.config.upstreams) {
    for (auto& peer : conf.peers) peer.options.fail_timeout = 1h;
  }
  house.begin();
  // The other peer of c is out by an operator's word.
  shm::PeerWord word;
  word.order = shm::Order::disabled;
  house.cell("c", 1).word.store(word.pack());
  for (int i = 0; i < 10; ++i) house.fail("a", i);
  house.fail("b", 0);
  house.fail("c", 0);
  house.caretaker->woken();
  for (int turn = 0; turn < 30; ++turn) house.loop.turn(10ms);
  int out = 0;
  for (int i = 0; i < 10; ++i) out += house.ejected("a", i) ? 1 : 0;
  CHECK(out == 5);
  CHECK_FALSE(house.ejected("b", 0));
  CHECK_FALSE(house.ejected("c", 0));
  CHECK(lines_with("is left out for") == 5);
  CHECK(lines_with("fails and stays: 5 of 10 are left out, 5 others are fit") +
            lines_with("fails and stays: 5 of 10 are left out, 4 others are fit") ==
        5);
  CHECK(lines_with("upstream b: 127.0.0.1:8000 fails and stays: 0 of 1 are left out, 0 others") ==
        1);
}

TEST_CASE("caretaker: a successor goes on where its predecessor stopped") {
  House house;
  house.config.upstreams.push_back(upstream("a", 2));
  house.config.upstreams[0].peers[0].options.max_fails = 2;
  for (auto& peer : house.config.upstreams[0].peers) peer.options.fail_timeout = 1h;
  house.begin();
  house.caretaker.reset();
  house.fail("a", 0, 2);  // while nobody looks
  house.begin();
  CHECK(house.ejected("a", 0));
  const std::int64_t until = house.cell("a", 0).ejected_until_ns.load();
  house.begin();
  CHECK(house.cell("a", 0).ejected_until_ns.load() == until);
  CHECK(house.cell("a", 0).ejections.load() == 1);
  CHECK(lines_with("is left out") == 1);
}

TEST_CASE("caretaker: what was found by checks that are off now is void") {
  House house;
  house.config.upstreams.push_back(upstream("a", 1));
  const auto index = house.table().claim({"a", "127.0.0.1:8000", "127.0.0.1"}, 1);
  REQUIRE(index);
  shm::PeerWord word;
  word.health = shm::Health::unreachable;
  word.probed = true;
  word.order = shm::Order::drained;
  word.said = shm::Said::maintenance;
  word.said_down = true;
  word.share = 11;
  house.cell("a", 0).word.store(word.pack());
  house.cell("a", 0).max_conns.store(3);
  house.begin();
  shm::PeerWord left;
  left.order = shm::Order::drained;
  CHECK(shm::PeerWord::unpack(house.cell("a", 0).word.load()) == left);
  CHECK(house.cell("a", 0).max_conns.load() == 0);
}

TEST_CASE("caretaker: cells that nobody needs are free again, those of others are not") {
  House house;
  house.config.upstreams.push_back(upstream("a", 1));
  const auto worker = house.zones->claim(shm::Role::worker, 1, 1);
  REQUIRE(worker);
  const auto claim = [&](std::string_view group, std::string_view address) {
    const auto index = house.table().claim({group, address, ""}, 1);
    REQUIRE(index);
    return *index;
  };
  shm::PeerWord discovered;
  discovered.discovered = true;
  const auto gone = claim("a", "127.0.0.1:9000");
  const auto used = claim("a", "127.0.0.1:9001");
  const auto found = claim("a", "127.0.0.1:9002");
  const auto orphan = claim("z", "127.0.0.1:9003");  // of a group that is no more
  const auto leaving = claim("a", "127.0.0.1:9004");
  REQUIRE(house.table().attach(*worker, used, house.table().cell(used).id.load()));
  house.table().cell(found).word.store(discovered.pack());
  house.table().cell(orphan).word.store(discovered.pack());
  house.table().cell(leaving).id.store(shm::leaving_id);
  house.begin();
  CHECK(house.table().cell(gone).id.load() == 0);
  CHECK(house.table().cell(orphan).id.load() == 0);
  CHECK(house.table().cell(leaving).id.load() == 0);
  CHECK(house.table().cell(used).id.load() != 0);
  CHECK(house.table().cell(found).id.load() != 0);
  CHECK(house.cell("a", 0).id.load() != 0);
}

TEST_CASE("caretaker: it takes discovered peers into its care and lets them go") {
  House house;
  house.config.upstreams.push_back(upstream("a", 1));
  conf::DiscoverConf discover;
  discover.options.fail_timeout = 1h;
  house.config.upstreams[0].discover.push_back(discover);
  house.begin();
  const auto found = house.table().claim({"a", "127.0.0.1:8005", ""}, 1);
  REQUIRE(found);
  shm::PeerWord word;
  word.discovered = true;
  word.line = 1;
  house.table().cell(*found).word.store(word.pack());
  house.table().bump();
  house.fail("a", 5);
  CHECK(house.turn_until([&] { return house.ejected("a", 5); }));
  house.table().cell(*found).word.store(0);
  house.table().bump();
  // Its cell is given back with the next round.
  CHECK(house.turn_until([&] { return house.table().cell(*found).id.load() == 0; }));
}

TEST_CASE("caretaker: it gives a sign of life, at once and again") {
  House house;
  house.begin();
  const std::int64_t first = house.table().beat_ns();
  CHECK(first == clock::now().time_since_epoch().count());
  CHECK(house.turn_until([&] { return house.table().beat_ns() > first; }));
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool sanitized =
    true;  // its check of an object's type opens a pipe, or takes it for wrong
#else
constexpr bool sanitized = false;
#endif

TEST_CASE("caretaker: probes for which descriptors lack are told in one line for all peers" *
          doctest::skip(sanitized)) {
  House house;
  house.config.upstreams.push_back(upstream("a", 10));
  house.config.upstreams.push_back(upstream("b", 10));
  for (auto& conf : house.config.upstreams) {
    conf.health_check.value.kind = conf::HealthCheckConf::Kind::tcp;
    conf.health_check.value.interval = 1h;
    conf.health_check.value.timeout = 1h;
  }
  house.begin();
  rlimit usual{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  rlimit none = usual;
  none.rlim_cur = 3;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool told = house.turn_until([] { return lines_with("could not be made") != 0; });
  for (int turn = 0; turn < 20; ++turn) house.loop.turn(10ms);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(told);
  CHECK(said.size() == 1);
  CHECK(house.cell("a", 0).probe_failures.load() == 0);  // no fault of its own
}

TEST_CASE("probes that could not be made: a line at once, then one for all of the time since") {
  const Listening listening;
  UnmadeProbes unmade;
  const clock::Monotonic began{1h};
  unmade.tell(began);
  CHECK(said.empty());
  for (int i = 0; i < 1000; ++i) unmade.note("no port");
  unmade.tell(began);
  CHECK(lines_with("1000 probes of peers could not be made, the last: no port") == 1);
  unmade.note("no port");
  unmade.tell(began + UnmadeProbes::said_every - 1ms);
  CHECK(said.size() == 1);
  unmade.note("no descriptor");
  unmade.tell(began + UnmadeProbes::said_every);
  CHECK(lines_with("2 probes of peers could not be made, the last: no descriptor") == 1);
  unmade.tell(began + 10 * UnmadeProbes::said_every);
  CHECK(said.size() == 2);
}
