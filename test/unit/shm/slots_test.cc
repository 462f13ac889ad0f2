#include "shm/slots.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "shm/zones.h"

namespace weir::shm {
namespace {

std::unique_ptr<Zones> make_zones() {
  auto zones = Zones::create({.ring_bytes = ring_bytes_min});
  REQUIRE(zones);
  return std::move(*zones);
}

}  // namespace

TEST_CASE("slots: the only ways through the states are those of the drawing") {
  using enum SlotState;
  const SlotState all[] = {free, starting, ready, draining, dead};
  const std::pair<SlotState, SlotState> ways[] = {
      {free, starting}, {starting, ready}, {starting, dead}, {ready, draining},
      {ready, dead},    {draining, dead},  {dead, free}};
  for (const SlotState from : all) {
    for (const SlotState to : all) {
      CAPTURE(name(from));
      CAPTURE(name(to));
      const bool drawn =
          std::find(std::begin(ways), std::end(ways), std::pair(from, to)) != std::end(ways);
      CHECK(may_enter(from, to) == drawn);
    }
  }
}

TEST_CASE("slots: a process is known by slot and incarnation, and only it moves its slot") {
  auto zones = make_zones();
  const SlotId first = *zones->claim(Role::worker, 7, 100);
  CHECK(first == SlotId{0, 1});
  SlotOwner owner(zones->slots, first);
  CHECK(owner.ready(200));
  owner.beat(300);
  const SlotInfo info = zones->slots.info(0);
  CHECK(info.state == SlotState::ready);
  CHECK(info.role == Role::worker);
  CHECK(info.generation == 7);
  CHECK(info.pid == ::getpid());
  CHECK(info.heartbeat_ns == 300);
  CHECK(info.loop_seq == 1);

  zones->mark_dead(first);
  CHECK(zones->slots.info(0).state == SlotState::dead);
  CHECK_FALSE(owner.draining());
  CHECK(zones->clean_dead() == 1);
  CHECK(zones->clean_dead() == 0);
  const SlotId second = *zones->claim(Role::logger, 8, 400);
  CHECK(second == SlotId{0, 2});
  CHECK_FALSE(owner.ready(500));  // a process that should be long gone
  CHECK_FALSE(zones->slots.enter(first, SlotState::dead));
  CHECK(zones->slots.info(0).state == SlotState::starting);
  CHECK(zones->slots.info(0).pid == 0);
  CHECK_FALSE(zones->slots.is_current(first));
  CHECK(zones->slots.is_current(second));
}

TEST_CASE("slots: all can be taken, one more is an error, and a freed one is found again") {
  auto zones = make_zones();
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    const auto id = zones->claim(Role::worker, 1, 1);
    REQUIRE(id);
    CHECK(id->index == i);
  }
  CHECK_FALSE(zones->claim(Role::worker, 1, 1));
  zones->mark_dead({77, 1});
  CHECK_FALSE(zones->claim(Role::worker, 1, 1));  // dead is not free
  CHECK(zones->clean_dead() == 1);
  CHECK(*zones->claim(Role::worker, 1, 1) == SlotId{77, 2});
}

TEST_CASE("a breadcrumb says what was being done, each part cut to its bound") {
  auto zones = make_zones();
  SlotOwner owner(zones->slots, *zones->claim(Role::worker, 1, 1));
  CHECK(zones->slots.breadcrumb(0).empty());
  owner.leave({"GET", "example.com", "/a?b", "10.0.0.1:80", "connect"});
  CHECK(zones->slots.breadcrumb(0) == "GET example.com /a?b, peer 10.0.0.1:80, connect");
  owner.leave({.phase = "tls handshake"});
  CHECK(zones->slots.breadcrumb(0) == "tls handshake");
  const std::string endless(1000, 'x');
  owner.leave({endless, endless, endless, endless, endless});
  CHECK(zones->slots.breadcrumb(0) == std::string(16, 'x') + ' ' + std::string(56, 'x') + ' ' +
                                          std::string(112, 'x') + ", peer " + std::string(40, 'x') +
                                          ", " + std::string(16, 'x'));
  owner.idle();
  CHECK(zones->slots.breadcrumb(0).empty());
  CHECK(zones->slots.breadcrumb_is_sound(0));
}

TEST_CASE("a breadcrumb keeps texts of every length, wherever they begin") {
  auto zones = make_zones();
  SlotOwner owner(zones->slots, *zones->claim(Role::worker, 1, 1));
  const std::string text =
      "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string_view word = std::string_view(text).substr(size % 8, size);
    owner.leave({"GET", word, word, word, "read"});
    const std::string cut(word);
    CHECK(zones->slots.breadcrumb(0) == "GET " + cut + ' ' + cut + ", peer " + cut + ", read");
  }
}

TEST_CASE("a breadcrumb is never read torn, however fast its owner writes") {
  auto zones = make_zones();
  SlotOwner owner(zones->slots, *zones->claim(Role::worker, 1, 1));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (unsigned i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      const std::string text(8 + i % 8, static_cast<char>('a' + i % 26));
      owner.leave({text, text, text, text, text});
    }
  });
  unsigned read = 0;
  while (read < 20000) {
    const std::string line = zones->slots.breadcrumb(0);
    if (line.empty() || line.front() == '(') continue;
    ++read;
    const std::string word = line.substr(0, line.find(' '));
    REQUIRE(line == word + ' ' + word + ' ' + word + ", peer " + word + ", " + word);
    REQUIRE(word == std::string(word.size(), word.front()));
  }
  stop = true;
  writer.join();
}

}  // namespace weir::shm
