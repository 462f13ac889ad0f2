// ClientStream: what a client session gives to one exchange: a place for the answer (BodySink) and
// the request's body (BodySource). An HTTP/1.1 connection has one at a time, HTTP/2 many; an
// exchange can't tell which it was given.
//
// The session owns the exchange and outlives it. Order of calls by the exchange:
//   apply_rules  ->  informational*  ->  begin_answer  ->  write* (last once)      or abort(),
//   drop() at any time
//                                   or   begin_tunnel  ->  write* (last once)
// begin_answer sends nothing by itself: the head leaves with the first body bytes, or with flush().
// When the last byte was handed to the kernel the session calls Exchange::on_answer_sent(); only
// then is the exchange destroyed, never inside one of its own calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "conf/model.h"
#include "http/body.h"
#include "http/framing.h"
#include "http/message.h"
#include "net/transport.h"
#include "os/address.h"

namespace weir {

// What is known of the connection, for as long as it lives.
struct ClientFacts {
  const Address& remote;  // the socket's peer, never what a field claims
  const Transport*
      connection;          // local(): asked of the kernel when it is first wanted; nullptr: none
  std::uint64_t serial;    // $connection: unique in this worker
  std::uint64_t requests;  // this one included: $connection_requests
  bool is_tls;
  const TlsInfo* tls;  // nullptr: plain
};

// What reading the head found out, in words that all protocols share.
struct RequestTraits {
  BodyFraming framing{};
  clock::Monotonic started{};  // when the first byte of the head came
  bool te_trailers = false;    // the client takes trailers
  bool expects_continue = false;
  std::string_view upgrade{};  // the protocols offered; empty: none
};

class ClientStream : public BodySink, public BodySource {
 public:
  virtual ClientFacts facts() const = 0;

  // The server and the location are known: their limits hold from here on (until then: the default
  // server's).
  virtual void apply_rules(const conf::ServerConf& server, const conf::LocationConf& location) = 0;

  // A 1xx other than 100 and 101, passed on. Dropped where the client can't take one (HTTP/1.0).
  virtual void informational(const ResponseHead& head) = 0;

  // The head of the answer, without hop-by-hop and framing fields: the stream writes its own.
  // `length`: the body's exact length; nullopt: unknown until the last write. An answer that has no
  // body (HEAD, 204, 304) still wants one empty last write; there `length` only becomes the
  // Content-Length field. False: the head can't be sent; nothing has been.
  virtual bool begin_answer(const ResponseHead& head, std::optional<std::uint64_t> length) = 0;

  // 101: raw bytes both ways from here on. The request's body is whatever the client sends, its
  // `last` a half-close.
  virtual bool begin_tunnel(const ResponseHead& head, std::string_view protocol) = 0;

  // From now on the request's body goes into `sink`, pulled by resume(); nullptr: nobody wants it
  // for now.
  virtual void send_body_to(BodySink* sink) = 0;
  virtual bool body_untouched() const = 0;  // no byte of it was given to a sink

  virtual void continue_body() = 0;       // 100 Continue, if the client waits for it
  virtual void close_after_answer() = 0;  // before begin_answer: the connection's last
  virtual void drop() = 0;                // closes the connection without an answer (return 444)
  // The client is gone, the exchange went on for others (Exchange::outlives_client) and is over
  // now.
  virtual void outlived() = 0;

  virtual std::uint64_t bytes_sent() const = 0;       // of this answer, head and framing included
  virtual std::uint64_t body_bytes_sent() const = 0;  // without them
  virtual std::uint64_t bytes_received() const = 0;   // of this request, head and framing included

 protected:
  ~ClientStream() = default;
};

}  // namespace weir
