// H1RequestBody: reads one request body from an HTTP/1 client and pushes it into a sink, no faster
// than the sink takes it: while the sink is full nothing is read, and the kernel makes the client
// wait.
//
// The buffer starts with 16 KiB and grows (to proxy_buffer_size_max) only while reads fill it and
// the sink empties it. Bytes behind the body belong to the next request and stay in buffer().
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "http/body.h"
#include "http/h1_body.h"
#include "http/limits.h"
#include "net/transport.h"
#include "proxy/pace.h"

namespace weir {

class H1RequestBody;

class RequestBodyOwner {
 public:
  // The body can't be read to its end: malformed, too long, too slow, or the client is gone.
  // Nothing more is pushed.
  virtual void on_body_failed(Error why) = 0;
  virtual void on_body_complete() = 0;  // a sink has taken all of it

 protected:
  ~RequestBodyOwner() = default;
};

class H1RequestBody {
 public:
  struct Rules {
    std::uint64_t bytes_max = 0;  // 0: no limit
    std::chrono::milliseconds timeout{60'000};
    std::size_t buffer_max = BufferPool::block_bytes_max;
  };

  H1RequestBody(Loop& loop, BufferPool& pool, Transport& transport, const conf::MinRate& rate,
                RequestBodyOwner& owner);
  H1RequestBody& operator=(H1RequestBody&&) = delete;

  // `early` is what came behind the head. False: no buffer for it.
  bool start(const BodyFraming& framing, const Limits& limits, std::string_view early);
  void start_tunnel();  // from here on the connection is bytes without framing
  void set_rules(const Rules& rules) {
    rules_ = rules;
    pace_.set_timeout(rules.timeout);
  }

  void send_to(BodySink* sink) { sink_ = sink; }
  void pump();                 // reads and pushes until the sink is full or nothing is there
  void on_ready(Ready ready);  // an edge of the transport
  void stop();                 // nobody wants the rest: no more reads, no more timeouts

  bool complete() const { return complete_; }
  bool untouched() const { return pushed_ == 0; }
  bool anything_received() const { return received_ > 0 || !buffer_.empty(); }
  // Certainly still to come.
  std::uint64_t left() const { return complete_ ? 0 : decoder_.left(); }
  std::uint64_t bytes_received() const { return received_; }  // framing included
  Buffer& buffer() { return buffer_; }
  bool client_ended() const { return ended_; }  // no byte will come any more

 private:
  bool push();  // what is in the buffer; false: stop
  bool fill();  // from the transport; false: stop
  bool end_input();
  void probe();
  void fail(Error why);
  void wait();
  static void late(void* self, Pace::Late how);
  static void buffer_free(void* self);

  Transport& transport_;
  RequestBodyOwner& owner_;
  BodySink* sink_ = nullptr;
  BodyDecoder decoder_;
  Buffer buffer_;
  BufferPool::Waiter waiter_;
  Pace pace_;
  Rules rules_;
  // At the front of the buffer: bytes that are body and wait for the sink, and spent ones behind
  // them.
  std::size_t payload_ = 0, behind_ = 0;
  std::uint64_t received_ = 0, pushed_ = 0;
  bool complete_ = true;
  bool failed_ = false;
  bool ended_ = false;
  bool filled_ = false;  // the last read filled the buffer
  bool tunnel_ = false;
  bool pumping_ = false;
};

}  // namespace weir
