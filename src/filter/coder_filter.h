// CoderFilter: what coding and decoding a body have in common.
//
// What goes in is taken as the coder takes it, nothing of it is kept; what comes out waits in the
// room of the lease until that is full, flushed or the end. Work is done by slices, within the time
// that coders have in a turn of the loop.
//
//   coding -> ending -> over      ending: all of the body is in, not all of it is out
//      '---------'-----> over     abort() from the source, or the coder failed
//
// When it is over the lease is back.
#pragma once

#include <cstdint>
#include <optional>

#include "filter/coder_pool.h"
#include "filter/coder_turns.h"
#include "http/body.h"

namespace weir {

class CoderFilter : public BodyFilter {
 public:
  // set_next() first: whoever takes what comes out.
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void abort(Error why) override;
  void resume() override;

  std::uint64_t bytes_in() const { return bytes_in_; }    // that the coder has taken
  std::uint64_t bytes_out() const { return bytes_out_; }  // that the next sink has taken
  bool over() const { return state_ == State::over; }
  bool completed() const { return completed_; }  // the next sink has taken it all

 protected:
  using Upto = Encoder::Upto;
  struct Step {
    std::size_t taken = 0, made = 0;
    bool done = false;  // as Encoder::Step says it
    std::optional<Error> failed;
  };

  CoderFilter(CoderTurns& turns, CoderLease lease);

  virtual Step run(std::string_view in, std::span<char> out, Upto upto) = 0;
  virtual void on_over() {}  // nothing more is to be done

  bool coding() const { return state_ == State::coding; }
  bool holds_something() const { return coder_holds_ || end_ > 0; }
  void flush_now();  // all that is held back, and then tells the next sink
  const CoderLease& lease() const { return lease_; }

 private:
  enum class State : unsigned char { coding, ending, over };

  bool alive() const { return state_ != State::over; }
  std::size_t code(std::string_view bytes, bool last);
  bool settle();
  std::optional<Step> slice(std::string_view bytes, Upto upto);
  bool send();
  void go_on();
  void finish();

  CoderTurns& turns_;
  CoderLease lease_;
  CoderTurns::Waiter turn_;
  std::size_t begin_ = 0, end_ = 0;  // what waits in the room of the lease
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
  State state_ = State::coding;
  bool coder_holds_ = false;   // something that no flush has brought out
  bool flush_coder_ = false;   // that is to be brought out
  bool flush_next_ = false;    // and the next sink to be told, once all is written
  bool last_made_ = false;     // the coder has made its last byte
  bool source_waits_ = false;  // not all that it offered was taken
  bool busy_ = false, again_ = false;
  bool completed_ = false;
};

}  // namespace weir
