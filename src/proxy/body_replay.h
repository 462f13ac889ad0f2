// BodyReplay: a request's body on its way to an attempt, kept so that another attempt can have it
// from its first byte. It stands between the client's stream and the attempt as sink of the one and
// source of the other; what it keeps is bounded, in blocks of the worker's buffers.
//
//   client stream --write()--> BodyReplay --write()--> attempt
//                                  '-- kept --'  given first to an attempt that starts later
//
// What does not fit is no error: nothing is kept any more, is_whole() says so, and the rest just
// passes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/buffer.h"
#include "http/body.h"
#include "proxy/client_stream.h"

namespace weir {

// Whoever wants all of a body before it goes on its way.
class GatherOwner {
 public:
  // It is whole, or no more of it can be kept. Called from inside a write: to be acted on later.
  virtual void on_gathered() = 0;

 protected:
  ~GatherOwner() = default;
};

class BodyReplay final : public BodySink, public BodySource {
 public:
  // Trailers are kept in `arena`.
  BodyReplay(BufferPool& pool, Arena& arena, ClientStream& client, std::uint64_t bytes_max);
  BodyReplay& operator=(BodyReplay&&) = delete;  // pinned

  // Keeps what fits, before it is fed to anybody. feed() or the destructor end it.
  void gather(GatherOwner& owner);
  bool has_all() const { return keeping_ && ended_; }
  bool has_trailers() const { return !trailers_.empty(); }
  // What is kept, piece by piece; empty: no more.
  std::string_view piece_at(std::size_t offset) const;

  void feed(BodySink& to);  // the body goes there, from its first byte: only while is_whole()
  void rest();              // it goes nowhere for now
  void settle();            // no other will want it
  bool is_whole() const { return keeping_; }
  std::size_t bytes_kept() const { return kept_; }
  std::size_t bytes_max() const { return bytes_max_; }

  // Of the request's body, by its stream.
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void flush() override;
  void abort(Error why) override;

  // By the attempt.
  void resume() override;

 private:
  bool caught_up() const { return at_ >= kept_; }
  void keep(std::string_view bytes);
  std::size_t store(std::string_view bytes);
  bool add_block();
  void forget();

  BufferPool& pool_;
  Arena& arena_;
  ClientStream& client_;
  const std::size_t bytes_max_;
  BodySink* to_ = nullptr;
  GatherOwner* gatherer_ = nullptr;
  std::vector<Buffer> blocks_;
  Fields trailers_;
  std::size_t kept_ = 0;
  std::size_t at_ = 0;     // so much of what is kept has `to_` taken
  bool keeping_ = true;    // all that was ever taken is kept
  bool ended_ = false;     // the client's stream has given the last byte
  bool end_told_ = false;  // and `to_` knows
};

}  // namespace weir
