// The zones under random SIGKILL: workers count and log, a housekeeper retires dead rows, a logger
// drains the rings, a master claims slots and forks; each 0.3 to 3 ms one of them (never the
// master) is killed, some of them stopped for a while first. WEIR_TORTURE_SECONDS: how long (10).
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "zone_journal.h"

namespace weir::fault {
namespace {

constexpr int workers = 6;

void wait_for(int fd, int milliseconds) {
  pollfd wake{fd, POLLIN, 0};
  if (::poll(&wake, 1, milliseconds) <= 0) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
}

// A ticket set is whole when its keys follow each other as the master makes them.
bool tickets_are_whole(const shm::Zones& zones) {
  shm::TicketKeySet set;
  if (!zones.tickets.read(set) || set.current() == nullptr) return false;
  const auto& key = set.key;
  return key[1].not_before == 0 ||
         (key[0].not_before - key[1].not_before == shm::ticket_rotation_seconds &&
          key[0].name != key[1].name);
}

[[noreturn]] void worker(shm::Zones& zones, Journal& journal, shm::SlotId id) {
  shm::SlotOwner owner(zones.slots, id);
  if (!owner.ready(monotonic_ns())) bump(journal.violations);
  shm::RingWriter writer = zones.log_writer(id);
  std::mt19937 random(id.incarnation * 256 + id.index);
  for (std::uint64_t number = 0;;) {
    owner.beat(monotonic_ns());
    if (!tickets_are_whole(zones)) bump(journal.violations);
    // Mostly a few lines, now and then more than the ring takes.
    const unsigned burst = random() % 500 == 0 ? 20000 : random() % 32;
    const std::string word(1 + random() % 16, static_cast<char>('a' + random() % 26));
    for (unsigned i = 0; i < burst; ++i) {
      owner.leave({word, word, word, word, word});
      count_once(journal, zones, id);
      push_once(journal, writer, id, number++);
      if (i == 200 && writer.wants_drain()) zones.wake_logger();
    }
    owner.idle();
    ::poll(nullptr, 0, 1);
  }
}

[[noreturn]] void housekeeper(shm::Zones& zones, Journal& journal, shm::SlotId id) {
  shm::SlotOwner owner(zones.slots, id);
  if (!owner.ready(monotonic_ns())) bump(journal.violations);
  std::uint64_t last = 0;
  for (;;) {
    owner.beat(monotonic_ns());
    zones.clean_dead();
    shm::CounterValues sum{};
    if (zones.stats.sum(sum)) {
      const std::uint64_t total = sum[requests_index()];
      if (total < last) bump(journal.violations);
      last = total;
    }
    wait_for(zones.housekeeper_wake_fd(), 2);
  }
}

[[noreturn]] void logger(shm::Zones& zones, Journal& journal, shm::SlotId id, LogFiles& log) {
  shm::SlotOwner owner(zones.slots, id);
  if (!owner.ready(monotonic_ns())) bump(journal.violations);
  observe::LogDrain drain(zones);
  log.give_to(drain);
  for (;;) {
    owner.beat(monotonic_ns());
    if (!drain.drain({}).more) wait_for(zones.logger_wake_fd(), 2);
  }
}

bool breadcrumb_is_whole(const std::string& line) {
  if (line.empty()) return true;
  const std::string word = line.substr(0, line.find(' '));
  return line == word + ' ' + word + ' ' + word + ", peer " + word + ", " + word &&
         word == std::string(word.size(), word.front());
}

// The master: it alone claims, reaps and marks dead.
class Master {
 public:
  Master(shm::Zones& zones, Journal& journal, LogFiles& log)
      : zones_(zones), journal_(journal), log_(log) {
    for (int i = 0; i < workers; ++i) children_.push_back({shm::Role::worker});
    children_.push_back({shm::Role::housekeeper});
    children_.push_back({shm::Role::logger});
    for (Child& child : children_) start(child);
  }
  ~Master() {
    for (Child& child : children_) end(child);
  }
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  void kill_one(std::mt19937& random) {
    Child& child = children_[random() % children_.size()];
    if (random() % 20 == 0) {  // stopped first: the others must not notice
      ::kill(child.pid, SIGSTOP);
      ::poll(nullptr, 0, static_cast<int>(random() % 5));
    }
    end(child);
    ++kills;
    start(child);
  }
  void stop() {
    for (Child& child : children_) end(child);
    kills += children_.size();
    children_.clear();
  }

  std::uint64_t kills = 0, counted_by_rows = 0, no_slot = 0, torn_breadcrumbs = 0, starting = 0;

 private:
  struct Child {
    shm::Role role;
    pid_t pid = 0;
    shm::SlotId id{};
  };

  void start(Child& child) {
    auto id = zones_.claim(child.role, 1, monotonic_ns());
    while (!id) {  // all slots are waiting to be cleaned: the housekeeper is behind
      ++no_slot;
      // Without one there would be no end to it: the first to be started is the housekeeper.
      if (child.role == shm::Role::housekeeper) zones_.clean_dead();
      ::poll(nullptr, 0, 1);
      id = zones_.claim(child.role, 1, monotonic_ns());
    }
    child.id = *id;
    child.pid = ::fork();
    REQUIRE(child.pid >= 0);
    if (child.pid != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    switch (child.role) {
      case shm::Role::worker: worker(zones_, journal_, *id);
      case shm::Role::housekeeper: housekeeper(zones_, journal_, *id);
      case shm::Role::logger: logger(zones_, journal_, *id, log_);
      case shm::Role::cache_keeper:  // nothing of these two is in these zones
      case shm::Role::compressor:
      case shm::Role::none: std::abort();
    }
  }

  void end(Child& child) {
    if (child.pid <= 0) return;
    starting += zones_.slots.info(child.id.index).state == shm::SlotState::starting;
    ::kill(child.pid, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child.pid, &status, 0) == child.pid);
    CHECK_MESSAGE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
                  "a child ended by itself, status ", status);
    child.pid = 0;
    torn_breadcrumbs += !breadcrumb_is_whole(zones_.slots.breadcrumb(child.id.index));
    counted_by_rows += zones_.stats.row(child.id.index).requests.get();
    zones_.mark_dead(child.id);
  }

  shm::Zones& zones_;
  Journal& journal_;
  LogFiles& log_;
  std::vector<Child> children_;
};

std::int64_t seconds_to_run() {
  const char* const text = std::getenv("WEIR_TORTURE_SECONDS");
  const auto seconds = text == nullptr ? std::nullopt : parse_decimal(text);
  return static_cast<std::int64_t>(seconds.value_or(10));
}

}  // namespace

TEST_CASE("zones: random SIGKILL of any process but the master loses and doubles nothing") {
  auto made = shm::Zones::create({.ring_bytes = 256U << 10});
  REQUIRE(made);
  shm::Zones& zones = **made;
  SharedJournal journal;
  LogFiles log;
  std::int64_t ticket_time = shm::ticket_rotation_seconds;
  REQUIRE(zones.tickets.rotate(ticket_time));
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 random(seed);
  CAPTURE(seed);

  const std::int64_t seconds = seconds_to_run();
  const std::int64_t start = monotonic_ns(), end = start + seconds * 1'000'000'000;
  std::uint64_t rounds = 0, unsound = 0;
  std::string first_unsound;
  Master master(zones, *journal, log);
  while (monotonic_ns() < end) {
    timespec pause{0, static_cast<long>(300'000 + random() % 2'700'000)};
    if (random() % 10 != 0) ::nanosleep(&pause, nullptr);  // else: one may just have been forked
    master.kill_one(random);
    if (++rounds % 16 == 0) {
      REQUIRE(zones.tickets.rotate(ticket_time += shm::ticket_rotation_seconds));
      log.verify(false);
    }
    if (rounds % 8 == 0) {  // also while everybody runs
      bool sound = false;
      const std::string text = shm::report(shm::check(zones, monotonic_ns()), sound);
      if (!sound && unsound++ == 0) first_unsound = text;
    }
  }
  master.stop();
  CHECK_MESSAGE(unsound == 0, first_unsound);
  CHECK(master.torn_breadcrumbs == 0);
  settle_and_demand(zones, *journal, log, master.counted_by_rows, master.kills);

  shm::CounterValues sum{};
  REQUIRE(zones.stats.sum(sum));
  std::uint64_t in_doubt = 0, dropped = 0;
  for (const SlotJournal& it : journal->slot) {
    in_doubt += it.counting - it.counted + it.pushing - it.pushed - it.dropped;
    dropped += it.dropped;
  }
  MESSAGE("torture: ", seconds, " s, ", master.kills, " kills (", master.starting,
          " before ready), ", sum[requests_index()], " counted, ", log.lines(), " lines whole, ",
          log.bad(), " torn, ", log.repeated(), " twice, ", dropped, " dropped and counted, ",
          in_doubt, " in doubt, ", master.no_slot, " waits for a slot");
}

}  // namespace weir::fault
