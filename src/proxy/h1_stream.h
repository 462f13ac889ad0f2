// H1Stream: one request on an HTTP/1 connection and the way back of its answer: what an Exchange
// sees of the connection. Owned by the H1Session; it ties together the request's body
// (H1RequestBody), the answer (H1Answer) and the exchange.
//
//   start -> [exchange] -> answer sent -> finished -> (unread body drained) -> next request, or the
//   end
//
// Everything here may be called by an attempt in the middle of its own work, so nothing is
// destroyed here: when the answer is out, the session is told after the turn.
#pragma once

#include <memory>
#include <string_view>

#include "base/recycled.h"
#include "event/loop.h"
#include "http/hop_by_hop.h"
#include "proxy/client_stream.h"
#include "proxy/exchange.h"
#include "proxy/h1_answer.h"
#include "proxy/h1_request_body.h"
#include "proxy/pace.h"
#include "proxy/worker_context.h"

namespace weir {

class H1Session;
class ListenPoint;

class H1Stream final : public ClientStream, private RequestBodyOwner, public Recycled<H1Stream> {
 public:
  H1Stream(H1Session& session, WorkerContext& context, const ListenPoint& listen,
           Transport& transport, clock::Monotonic started);
  H1Stream& operator=(H1Stream&&) = delete;

  // `head` is complete; `early` is what came behind it.
  void start(std::string_view head, std::string_view early);
  // What came is not a request: `head` is what there is of it, for the log.
  void refuse(std::string_view head, Error why);
  void on_ready(Ready ready);
  void session_closed(Error why);  // the connection is gone before the answer was

  bool persists() const { return persists_; }
  bool body_complete() const { return body_.complete(); }
  bool outlives_client() const { return exchange_.outlives_client(); }
  bool is_tunnel() const { return answer_.framing() == BodyKind::tunnel && answer_.begun(); }
  // Reads the rest of the body away; the session hears of it by exchange_over() again.
  void drain_body();
  std::string_view leftover() { return body_.buffer().readable(); }
  bool client_ended() const { return body_.client_ended(); }

  // ClientStream
  ClientFacts facts() const override;
  void apply_rules(const conf::ServerConf& server, const conf::LocationConf& location) override;
  void informational(const ResponseHead& head) override;
  bool begin_answer(const ResponseHead& head, std::optional<std::uint64_t> length) override;
  bool begin_tunnel(const ResponseHead& head, std::string_view protocol) override;
  void send_body_to(BodySink* sink) override { body_.send_to(sink); }
  bool body_untouched() const override { return body_.untouched(); }
  void continue_body() override;
  void close_after_answer() override { close_ = true; }
  void drop() override;
  void outlived() override;
  std::uint64_t bytes_sent() const override { return answer_.bytes_sent(); }
  std::uint64_t body_bytes_sent() const override { return answer_.body_bytes_sent(); }
  std::uint64_t bytes_received() const override { return head_bytes_ + body_.bytes_received(); }

  // BodySink: the answer's body
  std::size_t write(std::string_view bytes, bool last) override {
    return write_parts({&bytes, 1}, last);
  }
  std::size_t write_parts(std::span<const std::string_view> parts, bool last) override;
  void trailers(const Fields& fields) override { answer_.set_trailers(fields); }
  void flush() override;
  void abort(Error why) override;
  // BodySource: the request's body
  void resume() override;

 private:
  // Takes what is left of a body when the answer is out, up to a bound.
  class Discard final : public BodySink {
   public:
    explicit Discard(H1Stream& stream) : stream_(stream) {}
    void allow(std::uint64_t bytes) { left_ = bytes; }
    std::size_t write(std::string_view bytes, bool last) override;
    void trailers(const Fields&) override {}
    void flush() override {}
    void abort(Error) override {}

   private:
    H1Stream& stream_;
    std::uint64_t left_ = 0;
  };

  void on_body_failed(Error why) override;
  void on_body_complete() override;

  Result<Ok> read_head(std::string_view head, std::string_view early, RequestTraits& traits);
  void decide_persistence();
  void after_write(std::uint64_t before);
  void end_drain(bool clean);
  void remember();
  static void late(void* self, Pace::Late how);
  static void finished(void* self);

  H1Session& session_;
  WorkerContext& context_;
  Transport& transport_;
  const conf::ServerConf* server_;
  ExchangeRoom memory_;
  Limits limits_;
  HopByHop hop_{};
  H1RequestBody body_;
  H1Answer answer_;
  Pace pace_;  // of the answer
  Discard discard_;
  Deferred finished_;
  Exchange exchange_;        // last: it uses all of the above
  std::string_view head_{};  // of the request, as received; empty: it is none
  std::uint64_t head_bytes_ = 0;
  bool expects_continue_ = false;
  bool close_ = false;     // the answer must say so
  bool persists_ = false;  // the connection may carry another request
  bool draining_ = false;
  bool half_closed_ = false;  // a tunnel's way to the client has ended
};

}  // namespace weir
