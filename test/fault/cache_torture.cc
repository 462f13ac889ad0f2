// The cache under random SIGKILL: workers find, fetch, follow, freshen, remove and purge, a
// housekeeper keeps house and takes back what the dead had; each 1 to 4 ms one of them is killed,
// some of them stopped for a while first. WEIR_TORTURE_SECONDS: how long (10).
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "cache_journal.h"
#include "shm/slots.h"

namespace weir::fault {
namespace {

constexpr int workers = 5;
constexpr unsigned keys = 1500;

using Sum = std::atomic<std::uint64_t>;
struct Shared {
  Sum hits, wrong, cut, fills, followed, taken_over, freshened;
  std::atomic<std::uint32_t> dead[shm::slot_count];  // 1: to be cleaned
};

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

struct Nobody final : cache::FollowerOwner {
  void on_fill_news(cache::Follower&) override {}
};

class Worker {
 public:
  Worker(cache::Store& store, Shared& shared, std::uint32_t seed)
      : store_(store), shared_(shared), random_(seed) {}

  [[noreturn]] void run() {
    for (;;) ask();
  }

 private:
  void ask() {
    // Some keys are asked for by all at once.
    const auto number = random_() % 3 == 0 ? random_() % 8 : random_() % keys;
    const std::string key = fmt::format("key {}", number);
    cache::Found found = store_.find(store_.key(key));
    if (found.kind == cache::Found::Kind::answer) {
      ++shared_.hits;
      judge(prove(key, found.reader));
      change(key, found.reader);
      return;
    }
    cache::Joined joined = store_.join(store_.key(key), nobody_);
    if (joined.fill) {
      fetch(joined.fill, key);
    } else if (joined.follower) {
      follow(joined.follower, key);
    }
  }
  void judge(Verdict verdict) {
    shared_.wrong += verdict == Verdict::wrong;
    shared_.cut += verdict == Verdict::cut;
  }
  void change(const std::string& key, cache::Reader& reader) {
    switch (random_() % 400) {
      case 0: store_.purge_all(random_() % 2 == 0); break;
      case 1: store_.purge_prefix(key.substr(0, 6), random_() % 2 == 0); break;
      case 2: store_.purge_tag(random_() % 50, random_() % 2 == 0); break;
      default:
        if (random_() % 20 == 0) {
          const std::string fields = fmt::format("{}f", reader.fields().substr(0, 200));
          shared_.freshened += store_.freshen(store_.key(key), reader, facts_now(), fields);
        } else if (random_() % 10 == 0) {
          store_.purge(store_.key(key), random_() % 3 == 0);
        } else if (random_() % 10 == 0) {
          store_.remove(store_.key(key));
        }
    }
  }
  void fetch(cache::Fill& fill, const std::string& key) {
    const std::uint64_t size = random_() % 8 == 0 ? random_() % 400'000 : random_() % 8000;
    const std::uint64_t tags[] = {random_() % 50};
    switch (random_() % 16) {
      case 0: fill.abandon(); return;
      case 1: fill.pass(1); return;
      case 2: {
        const std::string other = key + " variant";
        const cache::Key variant = store_.key(other);
        if (fill.begin(facts_now(), "1 0", 0, {}, &variant, "accept")) fill.commit();
        return;
      }
      default: ++shared_.fills; fill_proof(fill, key, random_(), size, random_() % 2 == 0, tags);
    }
  }
  // As far as it comes within a moment.
  void follow(cache::Follower& follower, const std::string& key) {
    ++shared_.followed;
    std::uint64_t at = 0;
    for (int turn = 0; turn < 20; ++turn) {
      const cache::Follower::State state = follower.state();
      if (state == cache::Follower::State::orphaned) {
        if (cache::Fill fill = follower.take_over()) {
          ++shared_.taken_over;
          fetch(fill, key);
        }
        return;
      }
      const bool has_reader =
          state == cache::Follower::State::growing || state == cache::Follower::State::complete;
      if (!has_reader && state != cache::Follower::State::waiting) return;
      if (has_reader) {
        cache::Reader& reader = follower.reader();
        const Proof proof = Proof::of(key, reader.fields());
        for (;;) {
          const std::string_view part = reader.read(at);
          if (part.empty()) break;
          if (!proof.has(at, part)) {
            ++shared_.wrong;
            return;
          }
          at += part.size();
        }
        if (state == cache::Follower::State::complete) return;
      }
      pollfd wake{store_.wake_fd(), POLLIN, 0};
      ::poll(&wake, 1, 1);
      store_.on_wake();
    }
  }

  cache::Store& store_;
  Shared& shared_;
  std::mt19937 random_;
  Nobody nobody_;
};

[[noreturn]] void housekeeper(cache::Store& store, Shared& shared) {
  for (;;) {
    for (std::uint32_t slot = 0; slot < shm::slot_count; ++slot) {
      if (shared.dead[slot].load() == 0) continue;
      store.clean_dead({slot, 1});
      shared.dead[slot].store(0);
    }
    if (!store.keep_house(1)) ::poll(nullptr, 0, 1);
  }
}

// The master: it alone gives slots, forks and reaps.
class Master {
 public:
  Master(cache::Store& store, Shared& shared) : store_(store), shared_(shared) {
    for (int i = 0; i <= workers; ++i) {
      children_.push_back({});
      start(children_.back(), i == 0);
    }
  }
  ~Master() { stop(); }
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  void kill_one(std::mt19937& random) {
    const std::size_t which = random() % children_.size();
    if (random() % 30 == 0) {  // stopped first: the others must not notice
      ::kill(children_[which].pid, SIGSTOP);
      ::poll(nullptr, 0, static_cast<int>(random() % 5));
    }
    end(children_[which]);
    ++kills;
    start(children_[which], which == 0);
  }
  void stop() {
    for (Child& child : children_) end(child);
    children_.clear();
  }
  std::uint64_t kills = 0;

 private:
  struct Child {
    pid_t pid = 0;
    std::uint32_t slot = 0;
  };
  void start(Child& child, bool is_housekeeper) {
    std::uint32_t slot = next_slot_;
    for (std::uint32_t tried = 0; shared_.dead[slot].load() != 0 || is_used(slot); ++tried) {
      slot = 1 + slot % (shm::slot_count - 1);
      // All wait to be cleaned, and it may be the housekeeper that is about to start.
      if (tried % shm::slot_count == shm::slot_count - 1) {
        if (is_housekeeper) clean_all();
        ::poll(nullptr, 0, 1);
      }
    }
    next_slot_ = 1 + slot % (shm::slot_count - 1);
    child.slot = slot;
    child.pid = ::fork();
    REQUIRE(child.pid >= 0);
    if (child.pid != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    store_.enter({slot, 1});
    if (is_housekeeper) housekeeper(store_, shared_);
    Worker(store_, shared_, static_cast<std::uint32_t>(kills * 7 + slot)).run();
  }
  void end(Child& child) {
    if (child.pid <= 0) return;
    ::kill(child.pid, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child.pid, &status, 0) == child.pid);
    CHECK_MESSAGE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
                  "a child ended by itself, status ", status);
    child.pid = 0;
    shared_.dead[child.slot].store(1);
  }
  bool is_used(std::uint32_t slot) const {
    for (const Child& child : children_) {
      if (child.pid > 0 && child.slot == slot) return true;
    }
    return false;
  }
  void clean_all() {
    for (std::uint32_t slot = 1; slot < shm::slot_count; ++slot) {
      if (shared_.dead[slot].load() == 0) continue;
      store_.clean_dead({slot, 1});
      shared_.dead[slot].store(0);
    }
  }

  cache::Store& store_;
  Shared& shared_;
  std::vector<Child> children_;
  std::uint32_t next_slot_ = 1;
};

std::int64_t seconds_to_run() {
  const char* const text = std::getenv("WEIR_TORTURE_SECONDS");
  const auto seconds = text == nullptr ? std::nullopt : parse_decimal(text);
  return static_cast<std::int64_t>(seconds.value_or(20));
}

}  // namespace

TEST_CASE("cache: random SIGKILL makes no wrong body and loses no memory") {
  void* const at =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(at != MAP_FAILED);
  Shared& shared = *static_cast<Shared*>(at);
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 random(seed);
  CAPTURE(seed);
  for (const cache::Eviction eviction : {cache::Eviction::s3fifo, cache::Eviction::lru}) {
    auto made = cache::Store::create(
        "test", {.bytes = 12U << 20, .entries_max = 1000, .eviction = eviction});
    REQUIRE(made);
    cache::Store& store = **made;
    const std::int64_t end = monotonic_ms() + seconds_to_run() * 1000 / 2;
    const std::uint64_t hits_before = shared.hits;
    Master master(store, shared);
    while (monotonic_ms() < end) {
      timespec pause{0, static_cast<long>(1'000'000 + random() % 3'000'000)};
      ::nanosleep(&pause, nullptr);
      master.kill_one(random);
    }
    master.stop();
    store.enter({0, 1});
    for (std::uint32_t slot = 1; slot < shm::slot_count; ++slot) store.clean_dead({slot, 1});
    for (auto& dead : shared.dead) dead.store(0);
    keep_all_house(store);
    demand_sound(store);
    CHECK(shared.wrong == 0);
    CHECK(shared.hits > hits_before + 100);
    const cache::StoreStats stats = store.stats();
    MESSAGE("torture of the cache, ",
            std::string(eviction == cache::Eviction::lru ? "lru" : "s3fifo"), ": ", master.kills,
            " kills, ", shared.hits.load(), " hits, ", shared.fills.load(), " fills, ",
            shared.followed.load(), " followed, ", shared.taken_over.load(), " taken over, ",
            shared.freshened.load(), " freshened, ", shared.wrong.load(), " wrong, ",
            shared.cut.load(), " cut, ", stats.evicted, " evicted, ", stats.purged, " purged, ",
            stats.damaged, " dropped as damaged, ", stats.no_room, " without room, ",
            stats.lock_timeouts, " without lock");
    demand_all_memory(store);
  }
  ::munmap(at, sizeof(Shared));
}

}  // namespace weir::fault
