// Every kill point of the shared-memory code: a process is stopped there, killed, and what it left
// is checked and then finished by its successors. Nothing may be lost, repeated or damaged.
#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>

#include "shm/points.h"
#include "zone_journal.h"

#ifndef WEIR_TEST_HOOKS
#error "the kill points exist in test builds only: MODE=hooks, asan or tsan"
#endif

namespace weir::fault {
namespace {

using shm::points::Point;

// All that master, worker, housekeeper and logger do, in the order in which it may happen. (Not the
// rotation of ticket keys: no child can write them. It publishes as a breadcrumb does.)
class Everything {
 public:
  Everything(shm::Zones& zones, Journal& journal, const LogFiles& log, Note& retired_rows)
      : zones_(zones), journal_(journal), retired_rows_(retired_rows), drain_(zones) {
    log.give_to(drain_);
  }

  void run() {
    for (std::uint64_t generation = 1; generation <= 3; ++generation) {
      const shm::SlotId one = claim(generation), two = claim(generation);
      work(one, 300);
      work(two, 300);
      work(one, 4000);  // more than the ring takes
      die(one);
      work(two, 300);
      die(two);
    }
  }

 private:
  shm::SlotId claim(std::uint64_t generation) {
    const auto id = zones_.claim(shm::Role::worker, generation, 1);
    if (!id || !shm::SlotOwner(zones_.slots, *id).ready(2)) std::abort();
    use_peers(*id, generation);
    // One process plays two, which the checker would rightly refuse.
    zones_.slots.set_pid(*id, 1'000'000 + static_cast<pid_t>(id->index));
    return *id;
  }
  // Peers come and go; requests stay in flight, for the housekeeper to wipe.
  void use_peers(shm::SlotId id, std::uint64_t generation) {
    const std::string address = fmt::format("10.0.0.{}:80", generation);
    const shm::PeerName peer{"api", address, address};
    const auto cell = zones_.peers.claim(peer, 1);
    if (!cell || !zones_.peers.attach(id, *cell, peer.id())) std::abort();
    zones_.peers.in_flight(id.index, *cell).fetch_add(1);
    zones_.sessions.remember(generation, {*cell, peer.id()}, 1);
    for (std::uint32_t other = 0; other < *cell; ++other) zones_.peers.free(other);
  }
  void work(shm::SlotId id, std::uint64_t lines) {
    shm::SlotOwner owner(zones_.slots, id);
    shm::RingWriter writer = zones_.log_writer(id);
    for (std::uint64_t i = 0; i < lines; ++i) {
      owner.leave({"GET", "example.com", "/", "127.0.0.1:80", "connect"});
      count_once(journal_, zones_, id);
      push_once(journal_, writer, id, number_++);
    }
    drain_.drain({});
  }
  void die(shm::SlotId id) {
    // The row is the truth about a process that has died by the book.
    retired_rows_ += zones_.stats.row(id.index).requests.get();
    zones_.mark_dead(id);
    zones_.clean_dead();
  }

  shm::Zones& zones_;
  Journal& journal_;
  Note& retired_rows_;
  observe::LogDrain drain_;
  std::uint64_t number_ = 0;
};

// True when the process reached the point and was killed there.
bool die_at(Point point, int passing, shm::Zones& zones, Journal& journal, const LogFiles& log,
            Note& retired_rows) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    shm::points::arm(point, passing);
    Everything(zones, journal, log, retired_rows).run();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, WUNTRACED) == pid);
  if (WIFEXITED(status)) {
    CHECK(WEXITSTATUS(status) == 0);
    return false;
  }
  REQUIRE(WIFSTOPPED(status));
  REQUIRE(WSTOPSIG(status) == SIGSTOP);
  bool sound = false;
  const std::string left = shm::report(shm::check(zones, monotonic_ns()), sound);
  CHECK_MESSAGE(sound, left);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  return true;
}

// A line that comes into the first ring before the next logger starts.
void push_meanwhile(shm::Zones& zones, Journal& journal) {
  const shm::SlotId id = zones.slots.info(0).id;
  if (id.incarnation == 0) return;
  shm::RingWriter writer = zones.log_writer(id);
  push_once(journal, writer, id, 1'000'000);
}

}  // namespace

TEST_CASE("zones: a process may be killed at every kill point") {
  constexpr int passings[] = {1, 2, 3, 25, 130, 1300};
  unsigned points_reached = 0, points = 0, kills = 0;
  for (int p = 1; p < static_cast<int>(Point::count); ++p) {
    const auto point = static_cast<Point>(p);
    if (std::string_view(shm::points::name(point)).starts_with("cache_"))
      continue;  // of cache_kill_points.cc
    ++points;
    bool reached = false;
    for (const int passing : passings) {
      CAPTURE(std::string(shm::points::name(point)));
      CAPTURE(passing);
      auto zones = shm::Zones::create({.ring_bytes = shm::ring_bytes_min, .peers = 16});
      REQUIRE(zones);
      SharedJournal journal;
      SharedJournal rows;  // its one note is used: what died by the book had counted
      LogFiles log;
      if (!die_at(point, passing, **zones, *journal, log, rows->violations)) break;
      reached = true;
      ++kills;
      push_meanwhile(**zones, *journal);
      // A dead slot's row was noted when it was marked dead; live ones are settled below.
      settle_and_demand(**zones, *journal, log, rows->violations, 1);
    }
    CHECK_MESSAGE(reached, "never reached: ", std::string(shm::points::name(point)));
    points_reached += reached;
  }
  MESSAGE("kill points: ", points_reached, " of ", points, " reached, ", kills, " kills");
}

}  // namespace weir::fault
