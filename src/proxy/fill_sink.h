// FillSink: where the body of an answer goes that is stored while it comes: into the cache, from
// which the client that asked and all that wait for the same are served. None of them holds up the
// others, nor the origin.
//
//   filling -> filled          whole; on_filled
//      |-----> lost            the origin broke off: nothing is stored, on_fill_lost
//      '-----> overflowing     the store takes no more (too large, no room): on_overflow; what
//      comes from here on
//                              goes straight to the client, once it has taken what was stored
//                              (go_direct)
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/store.h"
#include "http/body.h"

namespace weir {

class FillOwner {
 public:
  virtual void on_fill_grown() = 0;  // or nothing more comes for now: what is held back is to go
  virtual void on_fill_written() {}  // in the middle of a burst
  virtual void on_filled() = 0;
  virtual void on_overflow() = 0;
  virtual void on_fill_lost(Error why) = 0;

 protected:
  ~FillOwner() = default;
};

class FillSink final : public BodyFilter {
 public:
  explicit FillSink(FillOwner& owner) : owner_(owner) {}

  void start(cache::Fill fill);  // begun
  // Overflowing: the client has all that was stored; the rest goes to it. nullptr: to nobody.
  void go_direct(BodySink* client);
  void give_up();  // nothing more is wanted of it: what is not whole is not stored
  bool filling() const { return state_ == State::filling; }
  bool overflowing() const { return state_ == State::overflowing; }

  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void flush() override;
  void abort(Error why) override;
  void resume() override;

 private:
  enum class State : unsigned char { idle, filling, filled, lost, overflowing };

  FillOwner& owner_;
  cache::Fill fill_;
  State state_ = State::idle;
};

}  // namespace weir
