// Every kill point of the cache: a process is stopped there, killed, and what it left is read by
// others at once, taken back by the housekeeper, and must then be whole.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "cache/layout.h"
#include "cache_journal.h"
#include "shm/points.h"

#ifndef WEIR_TEST_HOOKS
#error "the kill points exist in test builds only: MODE=hooks, asan or tsan"
#endif

namespace weir::fault {
namespace {

using shm::points::Point;

constexpr int keys = 120;

struct Nobody final : cache::FollowerOwner {
  void on_fill_news(cache::Follower&) override {}
};

std::string key_number(int i) { return fmt::format("key {}", i); }
std::uint64_t bytes_of(int i) { return i % 4 == 0 ? 50'000U + i * 999U : 100U + i * 31U; }

// All that happens to a cache, by one process that plays several.
class Everything {
 public:
  explicit Everything(const cache::Store& store) : zone_(store) {
    for (std::uint32_t slot = 1; slot <= 3; ++slot) {
      auto view = store.view();
      if (!view) std::abort();
      views_.push_back(std::move(*view));
      views_.back()->enter({slot, 1});
    }
  }

  void run() {
    for (std::uint64_t round = 1; round <= 4; ++round) {
      for (int i = 0; i < keys; ++i) fill(key_number(i), round, bytes_of(i), i % 3 != 0);
      for (int i = 0; i < keys; i += 5) freshen(key_number(i));
      for (int i = 0; i < keys; i += 11) one().remove(one().key(key_number(i)));
      leave_an_orphan(round);
      purge(round);
      for (int i = 0; i < 60; ++i) one().keep_house(1);
    }
    memory().found_damage();
    for (int i = 0; i < 3; ++i) one().keep_house(1);
  }

 private:
  cache::Store& one() { return *views_[0]; }
  cache::Memory memory() { return {cache::Geometry::of(zone_.sizes()), zone_.zone()}; }
  void fill(const std::string& key, std::uint64_t version, std::uint64_t bytes, bool known) {
    cache::Joined joined = one().join(one().key(key), nobody_);
    const std::uint64_t tags[] = {version};
    if (joined.fill) fill_proof(joined.fill, key, version, bytes, known, tags);
  }
  void freshen(const std::string& key) {
    cache::Found found = one().find(one().key(key));
    if (found.kind != cache::Found::Kind::answer) return;
    const std::string fields = fmt::format("{}y", found.reader.fields());
    one().freshen(one().key(key), found.reader, facts_now(), fields);
  }
  // Slot 2 fetches and is said to have died; slot 3 follows and takes over.
  void leave_an_orphan(std::uint64_t version) {
    const std::string key = "orphan";
    cache::Joined lead = views_[1]->join(one().key(key), nobody_);
    cache::Joined follow = views_[2]->join(one().key(key), nobody_);
    if (!lead.fill || !follow.follower) return;
    if (!lead.fill.begin(facts_now(), "0 0", std::nullopt, {})) return;
    lead.fill.append("begun");
    one().clean_dead({2, 1});
    cache::Fill next = follow.follower.take_over();
    if (next) fill_proof(next, key, version, 5000, true);
    views_[2]->on_wake();
  }
  void purge(std::uint64_t round) {
    one().purge(one().key(key_number(7)), true);
    one().purge_prefix("key 10", false);
    for (std::uint64_t tag = 0; tag < 3000; ++tag) one().purge_tag(round * 100'000 + tag, true);
    if (round == 2) one().purge_tag(1, false);
  }

  const cache::Store& zone_;
  std::vector<std::unique_ptr<cache::Store>> views_;
  Nobody nobody_;
};

// True when the process reached the point and was killed there.
bool die_at(Point point, int passing, const cache::Store& store) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    shm::points::arm(point, passing);
    Everything(store).run();
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
  REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  return true;
}

unsigned read_all(cache::Store& store) {
  unsigned whole = 0;
  for (int i = 0; i < keys; ++i) {
    const std::string key = key_number(i);
    cache::Found found = store.find(store.key(key));
    if (found.kind != cache::Found::Kind::answer) continue;
    CHECK(prove(key, found.reader) == Verdict::whole);
    ++whole;
  }
  return whole;
}

void settle_and_demand(cache::Store& store) {
  const unsigned before = read_all(store);
  for (std::uint32_t slot = 1; slot <= 3; ++slot) store.clean_dead({slot, 1});
  keep_all_house(store);
  demand_sound(store);
  CHECK(read_all(store) <= before);
  Nobody nobody;
  for (int i = 0; i < keys; ++i) {
    const std::string key = key_number(i);
    cache::Joined joined = store.join(store.key(key), nobody);
    REQUIRE(joined.fill);  // nobody else fetches
    CHECK(fill_proof(joined.fill, key, 100, bytes_of(i), true));
  }
  CHECK(read_all(store) > keys / 2);
  demand_sound(store);
}

}  // namespace

TEST_CASE("cache: a process may be killed at every kill point") {
  constexpr int passings[] = {1, 2, 25, 300};
  unsigned points_reached = 0, points = 0, kills = 0;
  for (int p = 1; p < static_cast<int>(Point::count); ++p) {
    const auto point = static_cast<Point>(p);
    const std::string name = shm::points::name(point);
    if (!name.starts_with("cache_")) continue;
    ++points;
    bool reached = false;
    for (const int passing : passings) {
      CAPTURE(name);
      CAPTURE(passing);
      auto store = cache::Store::create("test", {.bytes = 3U << 20, .entries_max = 100});
      REQUIRE(store);
      (*store)->enter({0, 1});
      if (!die_at(point, passing, **store)) break;
      reached = true;
      ++kills;
      settle_and_demand(**store);
      if (passing == 1) demand_all_memory(**store);
    }
    CHECK_MESSAGE(reached, "never reached: ", name);
    points_reached += reached;
  }
  MESSAGE("kill points of the cache: ", points_reached, " of ", points, " reached, ", kills,
          " kills");
}

}  // namespace weir::fault
