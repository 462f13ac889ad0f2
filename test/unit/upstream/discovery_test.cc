#include "upstream/discovery.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "base/clock.h"

using namespace weir;

namespace {

// A group without peers, a table that has room for few, and a folder for what is kept.
struct Registry {
  Registry() {
    clock::refresh();
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-unit-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    config.main.state_path.value.path = pattern;
    std::filesystem::create_directory(MemberStore::folder_in(pattern));
    config.upstreams.emplace_back().name = "app";
    auto made = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = room});
    REQUIRE(made);
    zones = std::move(*made);
    begin();
  }
  ~Registry() {
    discovery.reset();
    std::filesystem::remove_all(folder);
  }
  // Another housekeeper, of that generation.
  void begin(std::uint64_t generation = 1) {
    discovery = std::make_unique<Discovery>(loop, config, *zones, generation);
    discovery->start();
  }
  static std::string peer(std::uint32_t number) { return "10.0.0.1:" + std::to_string(number + 1); }
  Discovery::Obeyed order(PeerCommand::Action action, std::uint32_t number, bool persist = false) {
    return discovery->obey(
        {.action = action, .group = "app", .peer = peer(number), .persist = persist});
  }
  std::optional<std::uint32_t> cell(std::uint32_t number) const {
    return zones->peers.find(shm::PeerName{"app", peer(number), {}}.id());
  }
  bool is_member(std::uint32_t number) const {
    const auto index = cell(number);
    return index && shm::PeerWord::unpack(zones->peers.cell(*index).word.load()).discovered;
  }

  static constexpr std::uint32_t room = 16;
  Loop loop;
  std::filesystem::path folder;
  conf::Config config;
  std::unique_ptr<shm::Zones> zones;
  std::unique_ptr<Discovery> discovery;
};

using Action = PeerCommand::Action;

}  // namespace

TEST_CASE("discovery: an added peer for which there is no room is refused, and is not remembered") {
  for (const bool persist : {false, true}) {
    CAPTURE(persist);
    Registry it;
    for (std::uint32_t i = 0; i < Registry::room; ++i) CHECK(it.order(Action::add, i, persist).ok);
    const auto refused = it.order(Action::add, Registry::room, persist);
    CHECK_FALSE(refused.ok);
    CHECK(refused.text == "no room: upstream_peers_max is 16");
    CHECK_FALSE(it.order(Action::weight, Registry::room).ok);  // "has no peer"
    // Room that comes is not its own.
    const auto first = it.cell(0);
    REQUIRE(first);
    CHECK(it.order(Action::remove, 0, persist).ok);
    CHECK(it.zones->peers.free(*first));
    CHECK(it.order(Action::drain, 1, persist).ok);
    CHECK_FALSE(it.is_member(Registry::room));
    it.begin(2);
    CHECK_FALSE(it.is_member(Registry::room));
    CHECK(it.is_member(1) == persist);
    it.begin(2);
    CHECK(it.order(Action::add, Registry::room, persist).ok);
    CHECK(it.is_member(Registry::room));
  }
}
