// What the processes of a zone test note about themselves outside of the zones, and what the test
// then demands of the zones. Shared by the kill-point walk and the torture.
//
// A process notes "I am about to" before and "I have" after each thing it does, so that its death
// leaves exactly one thing in doubt, and the bounds between the two notes are exact.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "base/format.h"
#include "base/text.h"
#include "observe/log_drain.h"
#include "shm/check.h"
#include "shm/zones.h"

namespace weir::fault {

using Note = std::atomic<std::uint64_t>;

// Of one slot, over all its incarnations. Written by the slot's owner alone.
struct alignas(64) SlotJournal {
  Note counting, counted;         // increments of CounterRow::requests begun, done
  Note pushing, pushed, dropped;  // lines begun, accepted by the ring, refused by it
};
struct Journal {
  SlotJournal slot[shm::slot_count];
  Note violations;  // what a child saw that must not be
};

inline void bump(Note& note) {
  note.store(note.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
}

class SharedJournal {
 public:
  SharedJournal() {
    void* const at =
        ::mmap(nullptr, sizeof(Journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    journal_ = static_cast<Journal*>(at);
  }
  ~SharedJournal() { ::munmap(journal_, sizeof(Journal)); }
  SharedJournal(const SharedJournal&) = delete;
  SharedJournal& operator=(const SharedJournal&) = delete;
  Journal* operator->() { return journal_; }
  Journal& operator*() { return *journal_; }

 private:
  Journal* journal_;
};

inline std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

inline std::size_t requests_index() {
  std::size_t i = 0;
  while (shm::counter_table[i].name != "requests") ++i;
  return i;
}

inline void count_once(Journal& journal, shm::Zones& zones, shm::SlotId id) {
  bump(journal.slot[id.index].counting);
  zones.stats.row(id.index).requests.add();
  bump(journal.slot[id.index].counted);
}

inline constexpr shm::Stream streams[] = {1, 2};  // of the lines; one batch has lines of both

// Pushes a line that names its place: "slot incarnation number xxx...\n". False: dropped.
inline bool push_once(Journal& journal, shm::RingWriter& writer, shm::SlotId id,
                      std::uint64_t number) {
  SlotJournal& mine = journal.slot[id.index];
  char line[512];
  const std::size_t padding = number * 7919 % 200;
  const std::size_t size =
      format_into(line, "{} {} {} {:x>{}}\n", id.index, id.incarnation, number, "", padding);
  bump(mine.pushing);
  const bool fits = writer.push(streams[number % 3 == 0], {line, size});
  bump(fits ? mine.pushed : mine.dropped);
  return fits;
}

// The log file: appended to by loggers, read and checked by the test, and given back to the system
// as it is read.
class LogFile {
 public:
  LogFile() : fd_(::memfd_create("log", MFD_CLOEXEC)) {
    REQUIRE(fd_);
    REQUIRE(::fcntl(fd_.get(), F_SETFL, O_APPEND) == 0);
  }
  Fd handle() const { return Fd(::dup(fd_.get())); }

  // Reads whole lines that have come since the last call. Every line must be sound, the only one of
  // its place, and later than those before it of the same slot. At the `end` nothing may be left.
  void verify(bool end) {
    std::string text = std::move(rest_);
    char part[64 << 10];
    for (ssize_t got = 0; (got = ::pread(fd_.get(), part, sizeof part, read_)) > 0; read_ += got) {
      text.append(part, static_cast<std::size_t>(got));
      const auto last = text.rfind('\n');
      if (last == text.npos) continue;
      verify_lines(std::string_view(text).substr(0, last + 1));
      text.erase(0, last + 1);
    }
    rest_ = std::move(text);
    ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, read_);
    if (end) bad += rest_.empty() ? 0 : 1;
  }

  std::uint64_t lines = 0, bad = 0, repeated = 0;
  std::uint64_t of_slot[shm::slot_count] = {};

 private:
  void verify_lines(std::string_view text) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      verify_line(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
  }
  void verify_line(std::string_view line) {
    const auto part = split(line, ' ');
    ++lines;
    if (part.size() != 4) {
      ++bad;
      return;
    }
    constexpr auto none = ~std::uint64_t{0};
    const std::uint64_t slot = parse_decimal(part[0]).value_or(none),
                        incarnation = parse_decimal(part[1]).value_or(none),
                        number = parse_decimal(part[2]).value_or(none);
    if (slot >= shm::slot_count || incarnation == none || number == none ||
        part[3] != std::string(number * 7919 % 200, 'x')) {
      ++bad;
      return;
    }
    const std::pair place(incarnation, number + 1);
    if (place <= last_[slot]) ++repeated;
    last_[slot] = place;
    ++of_slot[slot];
  }

  Fd fd_;
  off_t read_ = 0;
  std::string rest_;
  std::pair<std::uint64_t, std::uint64_t> last_[shm::slot_count] = {};
};

// One file for each stream.
class LogFiles {
 public:
  void give_to(observe::LogDrain& drain) const {
    drain.set_file(streams[0], file_[0].handle());
    drain.set_file(streams[1], file_[1].handle());
  }
  void verify(bool end) {
    for (LogFile& file : file_) file.verify(end);
  }
  std::uint64_t lines() const { return file_[0].lines + file_[1].lines; }
  std::uint64_t bad() const { return file_[0].bad + file_[1].bad; }
  std::uint64_t repeated() const { return file_[0].repeated + file_[1].repeated; }
  std::uint64_t of_slot(std::uint32_t slot) const {
    return file_[0].of_slot[slot] + file_[1].of_slot[slot];
  }

 private:
  LogFile file_[2];
};

// All processes are dead and reaped: does what the master, the housekeeper and the logger would do
// next, and then demands that nothing was lost or counted twice. `kills`: things in doubt at most.
inline void settle_and_demand(shm::Zones& zones, Journal& journal, LogFiles& log,
                              std::uint64_t counted_by_rows, std::uint64_t kills) {
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones.slots.info(i);
    if (shm::is_live(info.state)) {
      counted_by_rows += zones.stats.row(i).requests.get();
      zones.mark_dead(info.id);
    }
  }
  bool sound = false;
  const std::string before = shm::report(shm::check(zones, monotonic_ns()), sound);
  CHECK_MESSAGE(sound, before);

  zones.clean_dead();
  observe::LogDrain drain(zones);
  log.give_to(drain);
  while (drain.drain({}).more) {
  }
  log.verify(true);
  const std::string after = shm::report(shm::check(zones, monotonic_ns()), sound);
  CHECK_MESSAGE(sound, after);

  std::uint64_t counting = 0, counted = 0, pushing = 0, leaked = 0, in_rings = 0;
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const SlotJournal& it = journal.slot[i];
    counting += it.counting;
    counted += it.counted;
    pushing += it.pushing;
    leaked += zones.slots.info(i).state != shm::SlotState::free;
    if (zones.slots.info(i).id.incarnation == 0) continue;
    const shm::RingReader ring(zones.rings.ring(i));
    in_rings += ring.head() - ring.tail();
    // In doubt is only what its producer had begun and not noted as done.
    const std::uint64_t in_doubt = it.pushing - it.pushed - it.dropped;
    CHECK(log.of_slot(i) >= it.pushed);
    CHECK(log.of_slot(i) <= it.pushed + in_doubt);
    const std::uint64_t dropped = ring.dropped(streams[0]) + ring.dropped(streams[1]);
    CHECK(dropped >= it.dropped);
    CHECK(dropped + log.of_slot(i) <= it.pushing);
    CHECK(ring.damaged() == 0);
    CHECK(ring.lost(streams[0]) + ring.lost(streams[1]) == 0);
  }
  shm::CounterValues sum{};
  REQUIRE(zones.stats.sum(sum));
  const std::uint64_t total = sum[requests_index()];
  CHECK(total == counted_by_rows);
  CHECK(total >= counted);
  CHECK(total <= counting);
  CHECK(counting - counted <= kills);
  CHECK(log.bad() == 0);
  CHECK(log.repeated() == 0);
  CHECK(log.lines() <= pushing);
  CHECK(leaked == 0);
  CHECK(in_rings == 0);
  CHECK(journal.violations == 0);
}

}  // namespace weir::fault
