// LogDrain: the logger's work. Takes the lines out of all rings and writes them to the files it was
// given, whole lines of one stream gathered into writes of at most 64 KiB.
//
// It writes with write(2) to what it has; it opens nothing, waits for nothing and knows no signals.
// One LogDrain may exist per instance at a time. What it promises:
//  - A line is written whole or not at all; lines of one process keep their order.
//  - A line is taken from its ring only after it was written or counted as lost.
//  - A logger killed at any instruction: before each write the ring notes the extent of the batch
//    and the size of the file, so its successor completes a write that was cut short and repeats
//    none that was done. Every line once, in regular files that nobody else appends to. Where the
//    size tells nothing (a pipe, a terminal, a file that was switched in between) the last batch,
//    of at most 64 KiB per ring, may come twice.
//  - A write that fails (ENOSPC, EIO, ...) loses lines and counts them; the stream is tried again
//    after a second. A line that was cut by the failure is completed first (unless the logger dies
//    before that: then it stays cut).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "shm/zones.h"

namespace weir::observe {

class LogDrain {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit LogDrain(const shm::Zones& zones);

  // From the next line on the stream goes to `fd` (opened for appending); the file it had is
  // closed. An Fd that holds nothing: the stream's lines are counted as lost.
  void set_file(shm::Stream stream, Fd fd);

  struct Pass {
    std::uint64_t lines = 0, lost = 0, bytes = 0;
    unsigned damaged = 0;  // rings whose content had to be skipped
    bool more = false;     // it stopped at its bound; call again before waiting
    int error = 0;         // the last errno of a failed write
    shm::Stream error_stream = 0;
  };
  // Once over all rings, at most a few MiB. Nothing is left when `more` is false, except what was
  // pushed meanwhile.
  Pass drain(Time now);

 private:
  struct Sink {
    Fd fd;
    bool regular = false;
    std::uint64_t file_id = 0;
    Time retry_at{};   // after a failure
    std::string rest;  // of a line that a failed write cut
  };
  struct Batch {
    std::uint64_t to;
    std::uint64_t streams;  // one bit per stream that has lines
  };

  void finish_predecessor(Time now, Pass& pass);
  bool drain_ring(shm::RingReader& ring, Time now, Pass& pass);  // true: it had something
  Batch measure(const shm::RingReader& ring, std::uint64_t limit) const;
  Batch plan(shm::RingReader& ring) const;
  void write_stream(shm::RingReader& ring, shm::Stream stream, std::uint64_t to, Time now,
                    Pass& pass);
  std::size_t already_written(shm::RingReader& ring, shm::Stream stream) const;
  bool send(Sink& sink, std::string_view bytes, std::size_t& done, Time now, Pass& pass);
  bool finish_rest(Sink& sink, Time now, Pass& pass);

  const shm::Zones& zones_;
  std::array<Sink, shm::stream_count> sinks_;
  std::vector<char> gathered_;  // the batch's lines of one stream
  bool predecessor_finished_ = false;
};

}  // namespace weir::observe
