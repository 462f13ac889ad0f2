#include "shm/ticket_keys.h"

#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "shm/zones.h"

namespace weir::shm {

TEST_CASE("ticket keys: one is made at first, a new one each eight hours, two old ones decrypt") {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(zones);
  TicketKeys& keys = (*zones)->tickets;
  TicketKeySet set;
  REQUIRE(keys.read(set));
  CHECK(set.current() == nullptr);

  constexpr std::int64_t start = 1000;
  CHECK(*keys.rotate(start));
  CHECK_FALSE(*keys.rotate(start));
  CHECK_FALSE(*keys.rotate(start + ticket_rotation_seconds - 1));
  REQUIRE(keys.read(set));
  REQUIRE(set.current() != nullptr);
  const auto first = set.current()->name;
  CHECK(set.current()->aes != decltype(TicketKey::aes){});
  CHECK(set.current()->mac != set.current()->aes);

  for (int rotation = 1; rotation <= 3; ++rotation) {
    const std::int64_t now = start + rotation * ticket_rotation_seconds;
    CHECK(*keys.rotate(now));
    REQUIRE(keys.read(set));
    CHECK(set.current()->name != first);
    CHECK(set.current()->not_before == now);
    CHECK((set.find(first, now) != nullptr) == (rotation < 3));
  }
}

TEST_CASE("ticket keys: a name that is not ours, or whose time is over, finds nothing") {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(zones);
  TicketKeySet set;
  REQUIRE(*(*zones)->tickets.rotate(50));
  REQUIRE((*zones)->tickets.read(set));
  const std::array<std::uint8_t, 16> nobody{};
  CHECK(set.find(nobody, 50) == nullptr);
  const auto name = set.current()->name;
  CHECK(set.find(name, set.current()->not_after - 1) == set.current());
  CHECK(set.find(name, set.current()->not_after) == nullptr);
}

TEST_CASE("ticket keys: a set read during rotations is one that was published") {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(zones);
  TicketKeys& keys = (*zones)->tickets;
  constexpr int rotations = 2000;
  std::thread master([&] {
    for (int i = 1; i <= rotations; ++i) REQUIRE(*keys.rotate(i * ticket_rotation_seconds));
  });
  TicketKeySet set;
  std::int64_t seen = 0;
  while (seen < rotations * ticket_rotation_seconds) {
    REQUIRE(keys.read(set));
    if (set.current() == nullptr) continue;
    REQUIRE(set.key[0].not_before >= seen);
    seen = set.key[0].not_before;
    if (seen <= ticket_rotation_seconds) continue;
    REQUIRE(set.key[1].not_before == seen - ticket_rotation_seconds);
    REQUIRE(set.key[1].name != set.key[0].name);
  }
  master.join();
}

}  // namespace weir::shm
