// StoredBody: gives the body of a stored answer, or parts of it, to the client. The bytes go to the
// kernel from where they are stored; nothing is copied here.
//
// An answer may still grow while it is given: then what is there is given, and more() is called for
// each step. Where it stops growing before its end (the store had no room for it, or its origin
// failed), the owner decides how it goes on.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "cache/store.h"
#include "event/loop.h"
#include "http/body.h"

namespace weir {

class StoredBodyOwner {
 public:
  // Everything that was stored has been taken, and no more will be: the answer goes on from here or
  // not at all. The last thing the body does; nothing of it is touched afterwards.
  virtual void on_stored_end(std::uint64_t position) = 0;

 protected:
  ~StoredBodyOwner() = default;
};

class StoredBody final : public BodySource {
 public:
  static constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t bytes_per_turn_max = std::uint64_t{1} << 20;
  static constexpr std::size_t pieces_max = 4;  // of one write
  // Text of ours, then the bytes [from, to) of the body: one part of an answer.
  struct Part {
    std::string_view text{};
    std::uint64_t from = 0, to = 0;
  };

  StoredBody(Loop& loop, StoredBodyOwner& owner);
  StoredBody& operator=(StoredBody&&) = delete;

  // `reader` and `parts` live until the end or stop(). Where the answer is only growing, the head
  // waits for more().
  void start(cache::Reader& reader, std::span<const Part> parts, BodySink& sink);
  void more();  // the stored answer has grown, is complete or has failed
  void stop();
  void resume() override;
  bool active() const { return sink_ != nullptr; }
  std::uint64_t position() const { return at_; }

 private:
  enum class Step : unsigned char { next, blocked, waits, ended };
  void pump(bool flushes);
  Step give();
  Step give_text(Part& part);
  Step finish_part();
  Step fail();
  bool is_last() const { return parts_.size() == 1; }

  StoredBodyOwner& owner_;
  Deferred again_;
  cache::Reader* reader_ = nullptr;
  BodySink* sink_ = nullptr;
  std::span<const Part> parts_{};  // the first one is being given
  Part part_{};
  std::uint64_t at_ = 0;
  bool full_ = false;  // the sink will ask for more
};

}  // namespace weir
