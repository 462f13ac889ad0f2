// Refresher: an exchange that no client waits for: it asks the origin for what is stored and has
// become stale (stale-while-revalidate, RFC 5861 3), for the sake of the next client; or for a
// slice of a large answer, for those who follow its fill. To an exchange it is a client like any
// other, one that takes everything.
//
// Stands among the sessions of its worker, so that it ends with them; destroys itself when the
// answer is there.
#pragma once

#include <memory>

#include "proxy/client_stream.h"
#include "proxy/exchange.h"
#include "proxy/session.h"
#include "proxy/slice_fetch.h"
#include "proxy/worker_context.h"

namespace weir {

class Refresher final : public Session, private ClientStream {
 public:
  // At one time, in one worker.
  static constexpr unsigned refreshers_max = 64, slice_fetches_max = 1024;

  // Begins one with a copy of this exchange's request, which has no body. False: there are too
  // many, or no room.
  static bool begin(const ExchangeState& for_whom);
  static bool fetch_slice(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order);
  ~Refresher() override;
  Refresher& operator=(Refresher&&) = delete;

 private:
  Refresher(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order);
  static bool begin(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order);
  unsigned& count() const;
  bool copy_request(const ExchangeState& from);
  void start() { exchange_.start(traits_); }

  // Session
  void drop() override;
  void limit_idle(std::chrono::milliseconds) override {}

  // ClientStream
  ClientFacts facts() const override;
  void apply_rules(const conf::ServerConf&, const conf::LocationConf&) override {}
  void informational(const ResponseHead&) override {}
  bool begin_answer(const ResponseHead&, std::optional<std::uint64_t>) override { return true; }
  bool begin_tunnel(const ResponseHead&, std::string_view) override { return false; }
  void send_body_to(BodySink* sink) override;
  bool body_untouched() const override { return true; }
  void continue_body() override {}
  void close_after_answer() override {}
  void outlived() override {}
  std::uint64_t bytes_sent() const override { return 0; }
  std::uint64_t body_bytes_sent() const override { return 0; }
  std::uint64_t bytes_received() const override { return 0; }

  // BodySink, BodySource
  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields&) override {}
  void flush() override {}
  void abort(Error why) override;
  void resume() override {}

  static void over(void* self);

  WorkerContext& context_;
  const Address remote_;
  const ClientFacts facts_;
  const std::unique_ptr<SliceOrder> order_;  // nullptr: all is made fresh
  ExchangeRoom memory_;
  RequestTraits traits_{};
  Deferred over_;
  Exchange exchange_;  // last: it uses all of the above
  bool gone_ = false;
};

}  // namespace weir
