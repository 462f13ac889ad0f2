// ClientStream: what a client session gives to one exchange: a place for the answer (BodySink) and
// the request's body (BodySource). An HTTP/1.1 connection has one at a time, HTTP/2 many; an
// exchange can't tell which it was given.
//
// The session owns the exchange and outlives it. Order of calls by the exchange:
//   informational*  ->  begin_answer  ->  write* (last once)      or abort() at any time in between
// begin_answer sends nothing by itself: the head leaves with the first body bytes, or with flush().
// When the last byte was handed to the kernel the session calls Exchange::on_answer_sent(); only
// then is the exchange destroyed, never inside one of its own calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/body.h"
#include "http/message.h"
#include "os/address.h"

namespace weir {

class TlsInfo;

// What is known of the connection, for as long as it lives.
struct ClientFacts {
  Address remote;  // the socket's peer (or the PROXY header's); never what a field claims
  Address local;
  std::uint64_t serial = 0;      // $connection: unique in this worker
  const TlsInfo* tls = nullptr;  // nullptr: plain
};

class ClientStream : public BodySink, public BodySource {
 public:
  virtual const ClientFacts& facts() const = 0;
  virtual std::uint64_t requests_on_connection()
      const = 0;  // this one included: $connection_requests

  // A 1xx other than 100 and 101, passed on. Dropped where the client can't take one (HTTP/1.0).
  virtual void informational(const ResponseHead&) = 0;

  // The head of the answer, already without hop-by-hop fields and without framing fields: the
  // stream writes its own. `length`: the body's exact length; nullopt: unknown until the last
  // write. A head without a body (HEAD, 204, 304) still wants one empty last write; there `length`
  // only becomes the Content-Length field.
  virtual void begin_answer(const ResponseHead&, std::optional<std::uint64_t> length) = 0;

  // The answer's head turns the connection into a tunnel (101): raw bytes both ways from here on,
  // no framing. The request body is whatever the client sends; a half-close of the client is its
  // `last`.
  virtual void begin_tunnel(const ResponseHead&) = 0;

  // From now on the request's body goes into `sink`, pulled by resume(); nullptr: nobody wants it
  // for now.
  virtual void send_body_to(BodySink* sink) = 0;
  virtual std::uint64_t body_bytes_received() const = 0;  // decoded bytes that a sink took

  // Sends 100 Continue if the client waits for it and no final answer has begun.
  virtual void continue_body() = 0;

  // The next begin_answer is the connection's last (an error that leaves the parser in doubt, a
  // drain).
  virtual void close_after_answer() = 0;

  virtual std::uint64_t bytes_sent()
      const = 0;  // of this answer, heads and framing included: $bytes_sent
  virtual std::uint64_t body_bytes_sent() const = 0;  // $body_bytes_sent
  virtual std::uint64_t request_bytes()
      const = 0;  // of this request, head and framing included: $request_length
};

}  // namespace weir
