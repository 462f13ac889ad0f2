// CompressFilter: a body goes in as it is and comes out in a content coding.
//
// What goes in is taken as the coder takes it, nothing of it is kept; what comes out waits in the
// room of the lease until that is full, flushed or the end. Work is done by slices, within the time
// that coders have in a turn of the loop.
//
//   coding -> ending -> over      ending: all of the body is in, not all of it is out
//      '---------'-----> over      abort() from the source, or the coder failed
//
// When it is over the lease is back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/recycled.h"
#include "event/timer.h"
#include "filter/coder_pool.h"
#include "filter/coder_turns.h"
#include "http/body.h"

namespace weir {

// When what is held back goes out although more is to come. eager: with each flush of the source
// (events must not wait for those after them); relaxed: flush_delay after it, so that bursts which
// follow each other share a block.
enum class Pace : unsigned char { eager, relaxed };

class CompressFilter final : public BodyFilter, public Recycled<CompressFilter> {
 public:
  static constexpr std::chrono::milliseconds flush_delay{10};

  // The lease is an encoder's, started with the length of the body if that is known.
  CompressFilter(Loop& loop, CoderTurns& turns, CoderLease lease, Pace pace);

  // set_next() first: whoever takes what comes out.
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void flush() override;
  void abort(Error why) override;
  void resume() override;

  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }  // that the next sink has taken
  bool over() const { return state_ == State::over; }
  // All of the body is in and none is with us any more.
  bool completed() const { return completed_; }

 private:
  enum class State : unsigned char { coding, ending, over };

  bool alive() const { return state_ != State::over; }
  std::size_t code(std::string_view bytes, bool last);
  bool settle();
  std::optional<Encoder::Step> slice(std::string_view bytes, Encoder::Upto upto);
  bool send();
  void go_on();
  void finish();

  CoderTurns& turns_;
  CoderLease lease_;
  CoderTurns::Waiter turn_;
  Timer delayed_;
  std::size_t begin_ = 0, end_ = 0;  // what waits in the room of the lease
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
  Pace pace_;
  State state_ = State::coding;
  bool coder_holds_ = false;   // something that no flush has brought out
  bool flush_coder_ = false;   // that is to be brought out
  bool flush_next_ = false;    // and the next sink to be told, once all is written
  bool last_made_ = false;     // the coder has made its last byte
  bool source_waits_ = false;  // it was not taken all from
  bool busy_ = false, again_ = false;
  bool completed_ = false;
};

}  // namespace weir
