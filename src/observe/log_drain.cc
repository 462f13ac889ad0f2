#include "observe/log_drain.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shm/points.h"

namespace weir::observe {
namespace {

constexpr std::size_t batch_bytes_max = 64U << 10;
constexpr int rounds_max = 32;  // batches per ring in one pass
constexpr std::chrono::seconds retry_after{1};

std::uint64_t id_of(const struct stat& status) {
  // Of a file among those that one logger has; a mixture is as good as the pair.
  return static_cast<std::uint64_t>(status.st_ino) * 0x9e3779b97f4a7c15U ^
         static_cast<std::uint64_t>(status.st_dev);
}

}  // namespace

LogDrain::LogDrain(const shm::Zones& zones) : zones_(zones) { gathered_.reserve(batch_bytes_max); }

void LogDrain::set_file(shm::Stream stream, Fd fd) {
  Sink& sink = sinks_.at(stream);
  Pass ignored;
  finish_rest(sink, Time{}, ignored);  // the last chance of a line that was cut
  sink = Sink{};
  struct stat status {};
  if (fd && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    sink.regular = true;
    sink.file_id = id_of(status);
  }
  sink.fd = std::move(fd);
}

// The write that a killed logger was at must be completed before any other line goes to that file.
void LogDrain::finish_predecessor(Time now, Pass& pass) {
  if (std::exchange(predecessor_finished_, true)) return;
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    if (zones_.slots.info(i).id.incarnation == 0) continue;
    shm::RingReader ring(zones_.rings.ring(i));
    const shm::WriteIntent& intent = ring.intent();
    const bool begun =
        intent.from.load(std::memory_order_acquire) == ring.tail() &&
        intent.armed.load(std::memory_order_relaxed) > intent.done.load(std::memory_order_relaxed);
    if (begun) drain_ring(ring, now, pass);
  }
}

LogDrain::Pass LogDrain::drain(Time now) {
  Pass pass;
  finish_predecessor(now, pass);
  for (int round = 0; round < rounds_max; ++round) {
    bool any = false;
    for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
      // A ring is backed by memory only from the first claim of its slot.
      if (zones_.slots.info(i).id.incarnation == 0) continue;
      shm::RingReader ring(zones_.rings.ring(i));
      any |= drain_ring(ring, now, pass);
    }
    if (!any) return pass;
  }
  pass.more = true;
  return pass;
}

LogDrain::Batch LogDrain::measure(const shm::RingReader& ring, std::uint64_t limit) const {
  shm::RingReader::Walk walk = ring.walk_to(limit);
  shm::RingReader::Record record;
  Batch batch{walk.start(), 0};
  std::size_t bytes = 0;
  while (walk.next(record)) {
    bytes += record.line.size();
    if (bytes > batch_bytes_max) return batch;
    batch.to = walk.position();
    batch.streams |= std::uint64_t{1} << record.stream;
  }
  // A filler behind the last line belongs to the batch too.
  if (!walk.damaged()) batch.to = walk.position();
  return batch;
}

// The batch that a killed predecessor had begun, else a new one whose extent is noted first.
LogDrain::Batch LogDrain::plan(shm::RingReader& ring) const {
  shm::WriteIntent& intent = ring.intent();
  const std::uint64_t tail = ring.tail(), head = ring.head();
  if (intent.from.load(std::memory_order_acquire) == tail) {
    const std::uint64_t to = intent.to.load(std::memory_order_relaxed);
    if (to - tail <= head - tail) {
      const Batch batch = measure(ring, to);
      if (batch.to == to && to != tail) return batch;
    }
  }
  const Batch batch = measure(ring, head);
  // `from` is the last word written: until then the intent is the last batch's, which is stale
  // because the tail has moved on. (It equals the tail here only if somebody damaged the intent.)
  intent.from.store(tail - 1, std::memory_order_release);
  intent.to.store(batch.to, std::memory_order_release);
  intent.done.store(0, std::memory_order_release);
  intent.armed.store(0, std::memory_order_release);
  intent.from.store(tail, std::memory_order_release);
  return batch;
}

bool LogDrain::drain_ring(shm::RingReader& ring, Time now, Pass& pass) {
  if (ring.tail() == ring.head()) return false;
  const Batch batch = plan(ring);
  if (batch.to == ring.tail()) {
    ring.skip_damage();
    ++pass.damaged;
    return true;
  }
  SHM_POINT(drain_intent);
  shm::WriteIntent& intent = ring.intent();
  for (shm::Stream stream = 0; stream < shm::stream_count; ++stream) {
    if ((batch.streams >> stream & 1) == 0) continue;
    if (stream < intent.done.load(std::memory_order_relaxed)) continue;
    write_stream(ring, stream, batch.to, now, pass);
    intent.done.store(stream + 1U, std::memory_order_release);
    SHM_POINT(drain_noted);
  }
  SHM_POINT(drain_before_advance);
  ring.advance(batch.to);
  SHM_POINT(drain_advanced);
  return true;
}

// How much of this batch's lines a killed predecessor has put into the stream's file.
std::size_t LogDrain::already_written(shm::RingReader& ring, shm::Stream stream) const {
  const Sink& sink = sinks_[stream];
  const shm::WriteIntent& intent = ring.intent();
  if (intent.armed.load(std::memory_order_relaxed) != stream + 1U) return 0;
  if (!sink.regular || intent.file_id.load(std::memory_order_relaxed) != sink.file_id) return 0;
  struct stat status {};
  if (::fstat(sink.fd.get(), &status) != 0) return 0;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t before = intent.size_before.load(std::memory_order_relaxed);
  return size <= before ? 0 : std::min<std::uint64_t>(size - before, gathered_.size());
}

void LogDrain::write_stream(shm::RingReader& ring, shm::Stream stream, std::uint64_t to, Time now,
                            Pass& pass) {
  gathered_.clear();
  std::uint64_t lines = 0;
  shm::RingReader::Walk walk = ring.walk_to(to);
  shm::RingReader::Record record;
  while (walk.next(record)) {
    if (record.stream != stream) continue;
    if (gathered_.size() + record.line.size() > batch_bytes_max) break;  // it changed under us
    gathered_.insert(gathered_.end(), record.line.begin(), record.line.end());
    gathered_.back() = '\n';  // whatever its producer made of it
    ++lines;
  }

  Sink& sink = sinks_[stream];
  std::size_t done = already_written(ring, stream);
  if (sink.fd && now >= sink.retry_at && finish_rest(sink, now, pass)) {
    shm::WriteIntent& intent = ring.intent();
    struct stat status {};
    if (sink.regular && done == 0 && ::fstat(sink.fd.get(), &status) == 0) {
      intent.armed.store(0, std::memory_order_release);
      intent.file_id.store(sink.file_id, std::memory_order_release);
      intent.size_before.store(static_cast<std::uint64_t>(status.st_size),
                               std::memory_order_release);
      intent.armed.store(stream + 1U, std::memory_order_release);
      SHM_POINT(drain_armed);
    }
    const std::size_t from = done;
    send(sink, {gathered_.data(), gathered_.size()}, done, now, pass);
    pass.bytes += done - from;
    SHM_POINT(drain_written);
  }
  const auto begin = gathered_.begin(), cut = begin + static_cast<std::ptrdiff_t>(done);
  std::uint64_t lost = static_cast<std::uint64_t>(std::count(cut, gathered_.end(), '\n'));
  if (cut != begin && cut != gathered_.end() && *(cut - 1) != '\n') {
    sink.rest.assign(cut, std::find(cut, gathered_.end(), '\n') + 1);
    --lost;
  }
  if (lost != 0) ring.count_lost(stream, lost);
  pass.lost += lost;
  pass.lines += lines - lost;
}

// Writes what follows `done`. False on a failure; `done` then says how far it came.
bool LogDrain::send(Sink& sink, std::string_view bytes, std::size_t& done, Time now, Pass& pass) {
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(sink.fd.get(), bytes.data() + done, bytes.size() - done);
    if (wrote > 0) {
      done += static_cast<std::size_t>(wrote);
      continue;
    }
    if (wrote < 0 && errno == EINTR) continue;
    pass.error = wrote < 0 ? errno : EIO;
    pass.error_stream = static_cast<shm::Stream>(&sink - sinks_.data());
    // A full pipe may have room at the next pass; a full disk has not.
    if (pass.error != EAGAIN) sink.retry_at = now + retry_after;
    return false;
  }
  return true;
}

bool LogDrain::finish_rest(Sink& sink, Time now, Pass& pass) {
  if (sink.rest.empty()) return true;
  if (!sink.fd) return false;
  std::size_t done = 0;
  const bool whole = send(sink, sink.rest, done, now, pass);
  sink.rest.erase(0, done);
  pass.bytes += done;
  return whole;
}

}  // namespace weir::observe
