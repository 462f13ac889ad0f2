#include "shm/zone.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>
#include <limits>

namespace weir::shm {
namespace {

constexpr Kind kind{"test", 3, 99};

Zone make() {
  auto zone = Zone::create(kind, 4096, 4096, random_id());
  REQUIRE(zone);
  return std::move(*zone);
}
Fd copy_of(const Zone& zone) { return Fd(::dup(zone.fd())); }

}  // namespace

TEST_CASE("a zone is found again by its descriptor, at another address with the same content") {
  const Zone zone = make();
  *zone.get<std::uint64_t>(8) = 42;
  auto other = Zone::attach(copy_of(zone), kind, Access::read_only);
  REQUIRE(other);
  CHECK(other->get<std::uint64_t>() != zone.get<std::uint64_t>());
  CHECK(*other->get<std::uint64_t>(8) == 42);
  CHECK(other->body().size() == 4096);
}

TEST_CASE("attach refuses a zone of another kind") {
  const Zone zone = make();
  for (const Kind& other : {Kind{"tset", 3, 99}, Kind{"test", 4, 99}, Kind{"test", 3, 98}}) {
    CHECK_FALSE(Zone::attach(copy_of(zone), other, Access::read_only));
  }
}

TEST_CASE("attach believes no field of a header") {
  const std::function<void(ZoneHeader&)> damages[] = {
      [](ZoneHeader& it) { it.magic[0] = 'w'; },
      [](ZoneHeader& it) { it.layout_version = 0; },
      [](ZoneHeader& it) { it.header_bytes = 0; },
      [](ZoneHeader& it) { it.name[4] = 'x'; },
      [](ZoneHeader& it) { it.name[15] = 'x'; },
      [](ZoneHeader& it) { it.layout_hash ^= 1; },
      [](ZoneHeader& it) { it.zone_bytes = 0; },
      [](ZoneHeader& it) { it.zone_bytes += 1; },
      [](ZoneHeader& it) { it.zone_bytes = std::numeric_limits<std::uint64_t>::max(); },
      [](ZoneHeader& it) { it.boot_id[15] ^= 1; },
      [](ZoneHeader& it) { it.instance = {}; },
      [](ZoneHeader& it) { it.created_ns = 0; },
      [](ZoneHeader& it) { it.created_ns = std::numeric_limits<std::int64_t>::max(); },
  };
  for (const auto& damage : damages) {
    const Zone zone = make();
    CHECK(Zone::attach(copy_of(zone), kind, Access::read_only));
    auto bytes = Mapping::of(zone.fd(), header_bytes, Access::read_write);
    REQUIRE(bytes);
    damage(*reinterpret_cast<ZoneHeader*>(bytes->bytes().data()));
    CHECK_FALSE(Zone::attach(copy_of(zone), kind, Access::read_only));
  }
}

TEST_CASE("attach refuses what is not a sealed memfd of a sensible size") {
  CHECK_FALSE(Zone::attach(Fd(), kind, Access::read_only));
  auto unsealed = memfd::create("test", 8192);
  REQUIRE(unsealed);
  CHECK_FALSE(Zone::attach(std::move(*unsealed), kind, Access::read_only));
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, header_bytes}) {
    auto small = memfd::create("test", size);
    REQUIRE(small);
    REQUIRE(memfd::seal(small->get(), Access::read_write));
    CHECK_FALSE(Zone::attach(std::move(*small), kind, Access::read_only));
  }
}

TEST_CASE("two zones have different secrets") {
  const Zone one = make(), two = make();
  CHECK(one.header().hash_secret != two.header().hash_secret);
  CHECK(one.header().hash_secret != Id128{});
}

}  // namespace weir::shm
