// Lingerers: connections on their way out. Closing a socket with unread data makes the kernel send
// a reset, which can destroy the answer on its way to the client (RFC 9112 §9.6). So: what is
// pending is sent, our direction is ended, and what still comes is read and thrown away, bounded in
// time and bytes; then it is closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/list.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/transport.h"

namespace weir {

class Lingerers {
 public:
  struct Limits {
    std::chrono::milliseconds time{30'000};        // lingering_time: in all
    std::chrono::milliseconds idle{5'000};         // lingering_timeout: without a byte
    std::size_t bytes = std::size_t{1024} * 1024;  // thrown away
  };

  explicit Lingerers(Loop& loop) : loop_(loop) {}
  ~Lingerers();  // closes all
  Lingerers& operator=(Lingerers&&) = delete;

  // Takes over. The former owner is not called any more.
  void add(std::unique_ptr<Transport> transport, const Limits& limits);
  void add(std::unique_ptr<Transport> transport) { add(std::move(transport), Limits{}); }
  std::size_t count() const { return count_; }
  std::uint64_t discarded() const { return discarded_; }  // bytes thrown away so far
  // Called when the last one is gone (a draining worker waits for it); nullptr: nobody.
  void on_empty(void (*empty)(void* owner), void* owner) { empty_ = empty, owner_ = owner; }
  void close_all();

 private:
  class Lingerer;
  void remove(Lingerer& lingerer);

  Loop& loop_;
  List<Lingerer> all_;
  std::size_t count_ = 0;
  std::uint64_t discarded_ = 0;
  void (*empty_)(void* owner) = nullptr;
  void* owner_ = nullptr;
};

}  // namespace weir
