#include "proxy/h1_stream.h"

#include <algorithm>
#include <utility>

#include "http/h1_parser.h"
#include "http/status.h"
#include "proxy/errors.h"
#include "proxy/h1_session.h"
#include "proxy/router.h"

namespace weir {
namespace {

constexpr std::string_view continue_head = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

H1Stream::H1Stream(H1Session& session, WorkerContext& context, const ListenPoint& listen,
                   Transport& transport, clock::Monotonic started)
    : session_(session),
      context_(context),
      transport_(transport),
      server_(listen.default_server().conf),
      memory_(context.memories),
      limits_(limits_of(*server_)),
      body_(context.loop, context.buffers, transport, *server_->client_min_rate, *this),
      answer_(transport, memory_->arena),
      pace_(context.loop, *server_->client_min_rate, &late, this),
      discard_(*this),
      finished_(context.loop, &finished, this),
      exchange_(context, *this, listen, *memory_, started) {
  apply_rules(*server_, server_->base);
}

// --- the request

void H1Stream::start(std::string_view head, std::string_view early) {
  head_bytes_ = head.size();
  RequestTraits traits;
  const auto read = read_head(head, early, traits);
  if (!read) {
    close_ = true;  // nothing behind this head can be trusted
    exchange_.refuse(read.error());
    return;
  }
  exchange_.start(traits);
}

Result<Ok> H1Stream::read_head(std::string_view head, std::string_view early,
                               RequestTraits& traits) {
  RequestHead& request = memory_->request;
  const std::string_view copy = memory_->arena.copy(head);
  if (memory_->arena.exhausted()) return no_head_room(memory_->arena);
  if (const auto parsed = parse_request_head(copy, limits_, request); !parsed)
    return parsed.error();
  const auto framing = request_framing(request);
  if (!framing) return framing.error();
  traits.framing = *framing;
  memory_->to_origin.version = request.version;
  memory_->to_origin.method = request.method;
  memory_->to_origin.fields =
      request.fields;  // the request keeps all of them, for variables and the log
  head_ = copy;
  const auto hop = take_hop_by_hop(memory_->to_origin, context_.own_names);
  if (!hop) return hop.error();
  hop_ = *hop;
  switch (expectation(request, framing->has_body())) {
    case Expectation::none: break;
    case Expectation::continue_100: expects_continue_ = true; break;
    case Expectation::unsupported: return client_fault(Fault::expectation_failed);
  }
  traits.te_trailers = hop_.te_trailers;
  // Behind a body nobody could tell where the new protocol begins.
  if (!framing->has_body()) traits.upgrade = hop_.upgrade;
  traits.expects_continue = expects_continue_;
  if (!body_.start(*framing, limits_, early)) return trouble(Trouble::no_buffers);
  return Ok{};
}

void H1Stream::refuse(std::string_view head, Error why) {
  head_bytes_ = head.size();
  close_ = true;
  // As much as can be read of it, so that the log says what it was.
  const std::string_view line = head.substr(0, std::min<std::size_t>(head.find("\r\n"), 8192));
  memory_->request.line = memory_->arena.copy(line);
  exchange_.refuse(why);
}

void H1Stream::resume() {
  if (!session_.is_closed()) body_.pump();
}

void H1Stream::on_body_failed(Error why) {
  if (draining_) return end_drain(false);
  close_ = true;
  persists_ = false;
  if (is(why, Trouble::body_timeout) || is(why, Trouble::body_too_slow))
    context_.counters.slow_bodies.add();
  exchange_.on_body_failed(why);
}

void H1Stream::on_body_complete() {
  if (draining_) return end_drain(true);
  if (is_tunnel() && answer_.sent()) finished_.schedule();
}

void H1Stream::continue_body() {
  if (!expects_continue_ || session_.is_closed()) return;
  expects_continue_ = false;
  if (!answer_.begun() && !body_.anything_received()) {
    answer_.interim(continue_head);
    context_.counters.responses_1xx.add();
    after_write(0);
  }
}

// --- the answer

void H1Stream::apply_rules(const conf::ServerConf& server, const conf::LocationConf& location) {
  server_ = &server;
  body_.set_rules({location.client_max_body_size->bytes, *location.client_body_timeout,
                   static_cast<std::size_t>(location.proxy_buffer_size_max->bytes)});
  pace_.set_timeout(*location.send_timeout);
}

void H1Stream::informational(const ResponseHead& head) {
  if (memory_->request.version != Version::http_1_1 || answer_.begun() || session_.is_closed())
    return;
  const std::size_t most = response_head_bytes(head, Outgoing{});
  char* const room = memory_->arena.allocate(most);
  if (room == nullptr) return;
  const auto written = write_response_head(head, Outgoing{}, std::span<char>(room, most));
  if (!written) return;  // an interim answer may be left out
  context_.counters.responses_1xx.add();
  answer_.interim({room, *written});
  after_write(0);
}

// The last request of a connection is known when its answer's head is written (RFC 9112 §9.6).
void H1Stream::decide_persistence() {
  // A body that the client holds back until it is told to go on may never come, or may: nobody can
  // tell what the next bytes are.
  const bool body_in_doubt =
      !body_.complete() && (expects_continue_ || body_.client_ended() ||
                            body_.left() > server_->lingering_max_size->bytes);
  persists_ = !close_ && !context_.draining && !body_in_doubt &&
              wants_persistence(memory_->request.version, hop_) &&
              server_->keepalive_timeout->count() > 0 &&
              session_.requests() < *server_->keepalive_requests;
}

bool H1Stream::begin_answer(const ResponseHead& head, std::optional<std::uint64_t> length) {
  if (session_.is_closed()) return true;  // nobody will see it
  const RequestHead& request = memory_->request;
  decide_persistence();
  Outgoing outgoing;
  if (request.method == Method::head || forbids_body(head.status)) {
    if (request.method == Method::head || head.status == 304) outgoing.framing.stated = length;
  } else if (length) {
    outgoing.framing = {BodyKind::length, *length};
  } else if (request.version == Version::http_1_1) {
    outgoing.framing.kind = BodyKind::chunked;
  } else {
    outgoing.framing.kind = BodyKind::until_close;
    persists_ = false;
  }
  if (!persists_) {
    outgoing.persistence = Persistence::close;
  } else if (request.version == Version::http_1_0) {
    outgoing.persistence = Persistence::keep_alive;
  }
  return answer_.begin(head, outgoing, hop_.te_trailers);
}

bool H1Stream::begin_tunnel(const ResponseHead& head, std::string_view protocol) {
  if (session_.is_closed()) return true;
  persists_ = false;
  Outgoing outgoing;
  outgoing.framing.kind = BodyKind::tunnel;
  outgoing.upgrade = protocol;
  if (!answer_.begin(head, outgoing, false)) return false;
  body_.start_tunnel();
  context_.sessions.became_tunnel(session_);
  return true;
}

std::size_t H1Stream::write_parts(std::span<const std::string_view> parts, bool last) {
  if (session_.is_closed() || answer_.ended()) return 0;
  const std::uint64_t before = answer_.bytes_sent();
  const std::size_t taken = answer_.write(parts, last);
  after_write(before);
  return taken;
}

void H1Stream::flush() {
  if (session_.is_closed()) return;
  const std::uint64_t before = answer_.bytes_sent();
  answer_.flush();
  after_write(before);
}

void H1Stream::after_write(std::uint64_t before) {
  pace_.moved(answer_.bytes_sent() - before);
  context_.counters.bytes_out.add(answer_.bytes_sent() - before);
  if (answer_.broken()) {
    pace_.rest();
    const bool ours = answer_.error().side != Side::client;
    if (ours) {
      exchange_.on_answer_aborted(answer_.error());
    } else {
      exchange_.on_client_gone(trouble(Trouble::client_gone));
    }
    session_.close(H1Session::Close::reset);
    return;
  }
  if (answer_.sent()) {
    pace_.rest();
    // A tunnel's other direction may go on.
    const bool over = !is_tunnel() || body_.complete();
    // close_notify leaves in the same system call as the end of the answer. On a plain connection
    // closing says the same, or lingering does it.
    if (!persists_ && !half_closed_ && (transport_.is_tls() || !over)) {
      half_closed_ = true;
      transport_.shutdown_write();
    }
    if (over) finished_.schedule();
  } else if (answer_.blocked()) {
    pace_.wait();
  } else {
    pace_.rest();
  }
}

void H1Stream::abort(Error why) {
  if (session_.is_closed()) return;
  exchange_.on_answer_aborted(why);
  // Where the end of the connection ends the message, only a reset says that it is not whole.
  const bool needs_reset = answer_.framing() == BodyKind::until_close || is_tunnel();
  session_.close(needs_reset ? H1Session::Close::reset : H1Session::Close::cut);
}

void H1Stream::drop() {
  if (session_.is_closed()) return;
  session_.close(H1Session::Close::plain);
}

void H1Stream::outlived() { session_.outlived(); }

void H1Stream::late(void* self, Pace::Late how) {
  auto& stream = *static_cast<H1Stream*>(self);
  stream.context_.counters.slow_readers.add();
  stream.exchange_.on_client_gone(
      trouble(how == Pace::Late::silent ? Trouble::send_timeout : Trouble::client_too_slow));
  stream.session_.close(H1Session::Close::reset);
}

void H1Stream::on_ready(Ready ready) {
  const bool wants_room = answer_.begun() ? !answer_.sent() : answer_.blocked();
  if (wants_room && transport_.writable() && !draining_) {
    flush();
    if (session_.is_closed()) return;
    if (answer_.begun() && !answer_.blocked() && !answer_.ended() && source() != nullptr)
      source()->resume();
    if (session_.is_closed()) return;
  }
  if (ready.readable || ready.closed || transport_.readable()) body_.on_ready(ready);
}

void H1Stream::session_closed(Error why) {
  body_.stop();
  pace_.rest();
  finished_.cancel();
  exchange_.on_client_gone(why);
}

// --- the end

// Whether the connection persists is the only thing in a head that others decide: see the session.
void H1Stream::remember() {
  if (!persists_ || head_.empty() || memory_->request.version != Version::http_1_1) return;
  const ExchangeState& state = exchange_.state();
  if (state.traits.framing.has_body() || state.traits.expects_continue) return;
  if (const auto hit = exchange_.repeatable_hit())
    context_.hits.keep({state.listen, transport_.is_tls(), head_}, *hit, answer_.head());
}

void H1Stream::finished(void* self) {
  auto& stream = *static_cast<H1Stream*>(self);
  if (!stream.draining_) {
    stream.remember();
    stream.exchange_.on_answer_sent();
  }
  stream.session_.exchange_over();
}

ClientFacts H1Stream::facts() const {
  return {transport_.peer(),   &transport_,         session_.serial(),
          session_.requests(), transport_.is_tls(), transport_.tls()};
}

std::size_t H1Stream::Discard::write(std::string_view bytes, bool) {
  if (bytes.size() > left_) {
    stream_.end_drain(false);
    return 0;
  }
  left_ -= bytes.size();
  return bytes.size();
}

void H1Stream::drain_body() {
  draining_ = true;
  discard_.allow(server_->lingering_max_size->bytes);
  body_.set_rules({0, *server_->lingering_timeout, BufferPool::block_bytes_min});
  body_.send_to(&discard_);
  body_.pump();
}

void H1Stream::end_drain(bool clean) {
  if (!clean) {
    persists_ = false;
    body_.stop();
  }
  finished_.schedule();
}

}  // namespace weir
