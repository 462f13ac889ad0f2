// StoredBody: gives the body of a stored answer, or parts of it, to the client. The bytes go to the
// kernel from where they are stored; nothing is copied here.
//
// An answer may still grow while it is given: then what is there is given, and more() is called for
// each step. Where it stops growing before its end (the store had no room for it, or its origin
// failed), the owner decides how it goes on.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
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

// Where the bytes are: one stored answer, or slices of one.
class StoredBytes {
 public:
  // As cache::Reader says it of itself.
  virtual std::string_view read(std::uint64_t at) = 0;
  // What was read stays where it is while nothing but what lies between it and here is read.
  virtual std::uint64_t pinned_until(std::uint64_t at) const = 0;
  virtual std::optional<std::uint64_t> length() const = 0;
  virtual cache::Reader::Progress progress() const = 0;
  virtual bool damaged() const = 0;
  // False: all that the client gets was given, and its answer is not over yet: more() tells.
  virtual bool may_end() const { return true; }

 protected:
  ~StoredBytes() = default;
};

class StoredBody final : public BodySource {
 public:
  static constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t bytes_per_turn_max = std::uint64_t{1} << 20;
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
  void start(StoredBytes& bytes, std::span<const Part> parts, BodySink& sink);
  void more();  // the stored answer has grown, is complete or has failed
  void stop();
  void resume() override;
  bool active() const { return sink_ != nullptr; }
  std::uint64_t position() const { return at_; }

 private:
  class WholeAnswer final : public StoredBytes {
   public:
    std::string_view read(std::uint64_t at) override { return reader->read(at); }
    std::uint64_t pinned_until(std::uint64_t) const override { return to_the_end; }
    std::optional<std::uint64_t> length() const override { return reader->length(); }
    cache::Reader::Progress progress() const override { return reader->progress(); }
    bool damaged() const override { return reader->damaged(); }
    cache::Reader* reader = nullptr;
  };
  enum class Step : unsigned char { next, blocked, waits, ended };
  void pump(bool flushes);
  Step give();
  Step give_nothing(cache::Reader::Progress progress);
  Step give_text(Part& part);
  Step finish_part();
  Step fail();
  bool is_last() const { return parts_.size() == 1; }

  StoredBodyOwner& owner_;
  Deferred again_;
  WholeAnswer whole_;
  StoredBytes* bytes_ = nullptr;
  BodySink* sink_ = nullptr;
  std::span<const Part> parts_{};  // the first one is being given
  Part part_{};
  std::uint64_t at_ = 0;
  bool full_ = false;  // the sink will ask for more
};

}  // namespace weir
