#include "upstream/sticky.h"

#include <set>

#include "field.h"
#include "upstream/group.h"
#include "upstream/peer_picker.h"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

conf::UpstreamConf conf_of(conf::StickyConf::Kind kind) {
  conf::UpstreamConf conf;
  conf.name = "origins";
  conf.sticky.value.kind = kind;
  conf.sticky.value.name = "id";
  conf.sticky.value.expires = 1h;
  for (std::size_t i = 0; i < 8; ++i) conf.peers.push_back(peer_conf(i));
  return conf;
}

std::string text(const Sticky::Token& token) { return {token.data(), token.size()}; }

struct Bound {
  explicit Bound(conf::StickyConf::Kind kind) : conf(conf_of(kind)) {
    clock::refresh();
    mine.emplace(loop, conf, nullptr, GroupPlace{shared.zones.get(), shared.worker().slot});
    theirs.emplace(loop, conf, nullptr, GroupPlace{shared.zones.get(), shared.worker().slot});
  }
  shm::PeerCell& cell(std::size_t i) {
    return shared.zones->peers.cell(mine->peers()[i]->cell_index());
  }
  void order(std::size_t i, shm::Order order) {
    cell(i).word = shm::PeerWord{.order = order}.pack();
    shared.zones->peers.bump();
  }
  Loop loop;
  Shared shared;
  conf::UpstreamConf conf;
  std::optional<Group> mine, theirs;
};

}  // namespace

TEST_CASE("sticky cookie: every worker knows the peer of a token, and nobody can make one") {
  Bound bound(conf::StickyConf::Kind::cookie);
  const Peer& peer = *bound.mine->peers()[3];
  const std::string token = text(bound.mine->sticky().token(peer));
  CHECK(bound.theirs->bound_to(token)->id() == peer.id());
  std::set<std::string> tokens;
  for (const auto& each : bound.mine->peers()) {
    tokens.insert(text(bound.mine->sticky().token(*each)));
  }
  CHECK(tokens.size() == 8);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'a' ? 'b' : 'a';
    CHECK(bound.mine->bound_to(forged) == nullptr);
  }
  for (const char* junk : {"", "0", "127.0.0.1:8003"}) {
    CHECK(bound.mine->bound_to(junk) == nullptr);
  }
  Bound another(conf::StickyConf::Kind::cookie);
  CHECK(another.mine->bound_to(token) == nullptr);  // another instance, another key
}

TEST_CASE("sticky cookie: with one secret all instances have the same tokens") {
  conf::UpstreamConf conf = conf_of(conf::StickyConf::Kind::cookie);
  conf.sticky.value.secret_file.path = "/etc/weir/sticky";
  conf.sticky.value.secret = {1, 2};
  const Sticky one(conf, {3, 4}), two(conf, {5, 6});
  const Field field({1, 1});
  CHECK(one.token(*field.peers[0]) == two.token(*field.peers[0]));
  conf::UpstreamConf another = conf;
  another.sticky.value.secret = {1, 3};
  CHECK(Sticky(another, {3, 4}).token(*field.peers[0]) != one.token(*field.peers[0]));
}

TEST_CASE("sticky: a bound client stays, also at a drained peer, and fails over from others") {
  Bound bound(conf::StickyConf::Kind::cookie);
  Peer& peer = *bound.mine->peers()[2];
  const auto picked = [&] {
    PeerPicker picker(*bound.mine, 0, &peer);
    const auto next = picker.next();
    REQUIRE(next.in_flight);
    CHECK(picker.binds(*next.in_flight.peer()) == (next.in_flight.peer() != &peer));
    return next.in_flight.peer();
  };
  for (int i = 0; i < 20; ++i) CHECK(picked() == &peer);
  bound.order(2, shm::Order::drained);
  for (int i = 0; i < 20; ++i) CHECK(picked() == &peer);
  for (int i = 0; i < 20; ++i) {  // others don't come there any more
    PeerPicker picker(*bound.mine, 0);
    CHECK(picker.next().in_flight.peer() != &peer);
  }
  bound.order(2, shm::Order::disabled);
  for (int i = 0; i < 20; ++i) CHECK(picked() != &peer);
  bound.order(2, shm::Order::none);
  CHECK(picked() == &peer);
  bound.mine->connect_failed(peer, {Side::upstream, "refused"});
  CHECK(picked() != &peer);
}

TEST_CASE("sticky: a bound peer that is merely full keeps its clients") {
  Bound bound(conf::StickyConf::Kind::cookie);
  Peer& peer = *bound.mine->peers()[2];
  peer.set_options({.max_conns = 1});
  REQUIRE(peer.enter());
  const InFlight full(peer);
  PeerPicker picker(*bound.mine, 0, &peer);
  const auto next = picker.next();
  REQUIRE(next.in_flight);
  CHECK(next.in_flight.peer() != &peer);
  CHECK_FALSE(picker.binds(*next.in_flight.peer()));
}

TEST_CASE("sticky: a request that fails at the bound peer goes to others, each once") {
  Bound bound(conf::StickyConf::Kind::cookie);
  PeerPicker picker(*bound.mine, 0, bound.mine->peers()[5].get());
  std::set<std::size_t> tried;
  for (int i = 0; i < 8; ++i) {
    const auto next = picker.next();
    REQUIRE(next.in_flight);
    CHECK((i != 0 || next.in_flight.peer()->number() == 5));
    CHECK(tried.insert(next.in_flight.peer()->number()).second);
  }
  CHECK_FALSE(picker.next().in_flight);
}

TEST_CASE("sticky header: a value has its peer while that one is fit; the others keep theirs") {
  Bound bound(conf::StickyConf::Kind::header);
  std::map<std::string, std::uint64_t> before;
  std::set<std::uint64_t> used;
  for (int i = 0; i < 300; ++i) {
    const std::string value = "user-" + std::to_string(i);
    before[value] = bound.mine->bound_to(value)->id();
    used.insert(before[value]);
    CHECK(bound.theirs->bound_to(value)->id() == before[value]);
  }
  CHECK(used.size() == 8);
  const std::uint64_t gone = bound.mine->peers()[1]->id();
  bound.order(1, shm::Order::disabled);
  for (const auto& [value, id] : before) {
    const std::uint64_t now = bound.mine->bound_to(value)->id();
    CHECK((id == gone ? now != gone : now == id));
  }
  bound.order(1, shm::Order::none);
  for (const auto& [value, id] : before) CHECK(bound.mine->bound_to(value)->id() == id);
}

TEST_CASE("sticky learn: what one worker learned all know; another group's sessions are others") {
  Bound bound(conf::StickyConf::Kind::learn);
  CHECK(bound.mine->bound_to("abc") == nullptr);
  bound.mine->learn("abc", *bound.mine->peers()[4]);
  REQUIRE(bound.theirs->bound_to("abc") != nullptr);
  CHECK(bound.theirs->bound_to("abc")->number() == 4);
  CHECK(bound.theirs->bound_to("abd") == nullptr);
  conf::UpstreamConf other = conf_of(conf::StickyConf::Kind::learn);
  other.name = "others";
  Group group(bound.loop, other, nullptr,
              GroupPlace{bound.shared.zones.get(), bound.shared.worker().slot});
  CHECK(group.bound_to("abc") == nullptr);
}
