// Socket: a connected (or connecting) stream socket with its one registration and the flags that
// its edges have set. What transports are made of; it knows nothing of protocols.
//
// The rule that saves a system call per exchange: a read that returned less than was asked for has
// drained the socket, unless the peer's end was already announced. Then read() says `again`
// without asking the kernel. One thing can hide behind that rule: a reset that arrived together
// with the data. Who waits for the rest of an unfinished message asks with Want::more, which costs
// one call per burst and sees it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "event/watcher.h"
#include "os/fd.h"

namespace weir {

// What a read or write came to.
struct Io {
  enum class State : unsigned char {
    bytes,  // `bytes` were moved, at least one (possibly fewer than asked for)
    again,  // nothing can be moved now; an edge will tell
    eof,    // read only: the peer has ended its direction
    error,  // the connection is lost; `error` says how
  };
  State state;
  std::size_t bytes = 0;
  Error error{Side::self, {}};

  static Io moved(std::size_t count) { return {State::bytes, count, {Side::self, {}}}; }
  static Io wait() { return {State::again, 0, {Side::self, {}}}; }
  static Io end() { return {State::eof, 0, {Side::self, {}}}; }
  static Io failed(Error why) { return {State::error, 0, why}; }
};

enum class Want : unsigned char {
  any,   // whatever is there; a short read ended the burst
  more,  // the message is unfinished: look again even after a short read
};

// Bytes of a file that nobody will ever write to again: the kernel refers to its pages, also after
// they were sent, for as long as the peer has not read them.
struct FileBytes {
  int fd;
  std::uint64_t at, bytes;
};

// "connection reset by peer" and the like as literals; `side` is whose connection it is.
Error socket_error(Side side, int error_number);

class Socket {
 public:
  // Takes the descriptor, which is non-blocking. `side` takes the blame for its errors.
  Socket(Loop& loop, Fd fd, Side side);
  Socket& operator=(Socket&&) = delete;

  // Registers once; further calls only change who is called. Without an owner edges set flags.
  using Callback = Watcher::Callback;
  Result<Ok> start(Callback callback, void* owner);
  void set_callback(Callback callback, void* owner);

  Io read(std::span<char> into, Want want = Want::any);
  Io write(std::span<const iovec> from);
  Io write(const FileBytes& file);  // without copying them
  void shutdown_write();
  void reset_on_close();  // the peer gets a reset instead of a clean end (SO_LINGER 0)

  // Calls back in the next turn, as if an edge had come: the budget of this one is used up.
  void again();
  void expect_connect() { writable_ = false; }  // a connect() is under way: an edge ends it

  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool closed() const {
    return closed_;
  }  // the peer's end was announced (there may be data before it)
  int fd() const { return fd_.get(); }
  Side side() const { return side_; }
  Loop& loop() const { return watcher_.loop(); }

 private:
  static void edge(void* self, Ready ready);
  Io written(ssize_t count, std::size_t least);

  Fd fd_;  // before watcher_: it is unregistered before it is closed
  Watcher watcher_;
  Callback callback_ = nullptr;
  void* owner_ = nullptr;
  Side side_;
  bool readable_ = false;
  bool drained_ = true;   // the kernel has said EAGAIN since the last edge: asking more is no use
  bool writable_ = true;  // a fresh socket; the first refusal says otherwise
  bool closed_ = false;
  bool started_ = false;
  bool asked_ = false;  // again() is outstanding
  int lost_ = 0;        // errno of the failure that ended the connection
};

}  // namespace weir
