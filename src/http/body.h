// How body bytes travel inside the proxy: pushed by a BodySource into a BodySink, which may take
// fewer than offered and asks for more with resume(). Nothing is buffered twice.
//
//   source --write()--> [filter --write()-->]* sink          sink --resume()--> ... --> source
//
// Rules. Between a short write and resume() the source writes nothing. resume() may be called from
// inside write() of the *next* sink only, never from inside the sink's own write(). After abort(),
// or after a last write that was taken whole, nothing more is written. Neither side owns the other:
// whoever dies first unbinds (set_source(nullptr)).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/fields.h"

namespace weir {

// Gives a message body: an attempt's response, a client's request, a reply, a cache reader.
class BodySource {
 public:
  // The sink has room again: write until it is full or nothing is left.
  virtual void resume() = 0;

 protected:
  ~BodySource() = default;  // never deleted through this interface
};

// Takes a message body: the client session (response), the attempt (request).
class BodySink {
 public:
  // Offers the next bytes. Returns how many were taken; fewer than offered: full, the source keeps
  // the rest (the same bytes must be offered again first) until resume(). `last`: these bytes end
  // the body; when all are taken the body is complete. An empty last write is allowed, and is
  // taken.
  virtual std::size_t write(std::string_view bytes, bool last) = 0;
  // The same for bytes that lie in several places, at most parts_max, in one system call where the
  // receiver can. Returns how many were taken of all of them.
  static constexpr std::size_t parts_max = 4;
  virtual std::size_t write_parts(std::span<const std::string_view> parts, bool last) {
    std::size_t taken = 0;
    for (std::size_t at = 0; at < parts.size(); ++at) {
      const std::size_t now = write(parts[at], last && at + 1 == parts.size());
      taken += now;
      if (now < parts[at].size()) break;
    }
    return taken;
  }

  // Before the last write; dropped when the receiver can't take them. The views live until return.
  virtual void trailers(const Fields& fields) = 0;

  virtual void flush() = 0;           // end of a burst: send what is held back
  virtual void abort(Error why) = 0;  // the body can't be completed: no clean end for the receiver

  void set_source(BodySource* source) { source_ = source; }  // whom to resume; nullptr: nobody

 protected:
  ~BodySink() = default;
  BodySource* source() const { return source_; }

 private:
  BodySource* source_ = nullptr;
};

// Both at once, with a bounded output of its own: compression, ranges, a cache fill.
class BodyFilter : public BodySink, public BodySource {
 public:
  BodyFilter() = default;
  BodyFilter(const BodyFilter&) = delete;  // pinned: both neighbours point at it
  BodyFilter& operator=(const BodyFilter&) = delete;
  virtual ~BodyFilter() = default;

  void set_next(BodySink* next) {
    next_ = next;
    if (next != nullptr) next->set_source(this);
  }

 protected:
  BodySink* next() const { return next_; }

 private:
  BodySink* next_ = nullptr;
};

}  // namespace weir
