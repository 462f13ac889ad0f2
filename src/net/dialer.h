// Dialer: connects to one address at a time, without blocking. The time limit is the owner's timer;
// cancel() and the destructor give up.
//
// The socket that comes out keeps the registration it was connected with.
#pragma once

#include <memory>

#include "net/socket.h"
#include "os/address.h"

namespace weir {

class Dialer {
 public:
  // Exactly one call per connect() that returned Started::waiting, unless cancelled. The callback
  // may connect again or destroy the dialer. `socket` is null when it failed: see error() first.
  using Done = void (*)(void* owner, std::unique_ptr<Socket> socket);
  enum class Started : unsigned char {
    waiting,    // done() will be called
    connected,  // take_socket() has it; done() is not called
    failed,     // error() says why; done() is not called
  };

  Dialer(Loop& loop, Done done, void* owner) : loop_(loop), done_(done), owner_(owner) {}
  Dialer& operator=(Dialer&&) = delete;

  Started connect(const Address& to);  // not while one is waiting
  std::unique_ptr<Socket> take_socket() { return std::move(socket_); }
  void cancel() { socket_.reset(); }
  bool waiting() const { return socket_ != nullptr; }

  Error error() const;                                // of the last failure, Side::upstream or self
  int error_number() const { return error_number_; }  // its errno (ECONNREFUSED ...)

 private:
  static void edge(void* self, Ready ready);
  Started failed(int error_number);

  Loop& loop_;
  Done done_;
  void* owner_;
  std::unique_ptr<Socket> socket_;
  int error_number_ = 0;
};

}  // namespace weir
