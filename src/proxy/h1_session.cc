#include "proxy/h1_session.h"

#include <algorithm>
#include <cassert>

#include "proxy/errors.h"
#include "proxy/h1_stream.h"
#include "proxy/router.h"

namespace weir {
namespace {

// Of a head that was refused no more than this is read behind what was read of it: a megabyte of
// fields is not worth the time, and a head a little too long comes to its end in it.
constexpr std::size_t refused_head_bytes = std::size_t{16} * 1024;

}  // namespace

Limits limits_of(const conf::ServerConf& server) {
  Limits limits;
  limits.request_line_bytes_max = server.request_line_max_size->bytes;
  limits.head_bytes_max = server.client_header_max_size->bytes;
  limits.fields_max = *server.max_headers;
  limits.underscores = *server.underscores_in_headers;
  limits.chunk_extension_bytes_max = server.base.chunk_extensions_max_size->bytes;
  limits.trailer_bytes_max = server.base.trailers_max_size->bytes;
  limits.trailers_max = *server.base.max_trailers;
  return limits;
}

H1Session::H1Session(WorkerContext& context, const ListenPoint& listen,
                     std::unique_ptr<Transport> transport)
    : context_(context),
      listen_(listen),
      transport_(std::move(transport)),
      timer_(context.loop, &timed_out, this),
      serial_(++context.connections) {
  transport_->set_owner(this);
}

H1Session::~H1Session() = default;

const conf::ServerConf& H1Session::server() const { return *listen_.default_server().conf; }

bool H1Session::may_enter(Phase from, Phase to) {
  if (to == Phase::closed) return from != Phase::closed;
  switch (from) {
    case Phase::opening: return to == Phase::waiting;
    case Phase::waiting: return to == Phase::reading_head || to == Phase::repeating;
    case Phase::repeating: return to == Phase::waiting;
    case Phase::reading_head: return to == Phase::exchanging;
    case Phase::exchanging: return to == Phase::draining || to == Phase::waiting;
    case Phase::draining: return to == Phase::waiting;
    case Phase::closed: return false;
  }
  return false;
}

void H1Session::enter(Phase next) {
  assert(may_enter(phase_, next));
  phase_ = next;
}

void H1Session::start() {
  if (!transport_->established()) {
    context_.sessions.became_handshaking(*this);
    timer_.arm(*server().ssl_handshake_timeout);
  } else {
    opened();
  }
  if (!transport_->start()) close(Close::plain);
}

void H1Session::opened() {
  if (transport_->is_tls()) {
    context_.counters.tls_handshakes.add();
    if (transport_->resumed()) context_.counters.tls_resumed.add();
  }
  enter(Phase::waiting);
  context_.sessions.became_slow(*this);
  timer_.arm(*server().client_header_timeout);
}

// --- reading a head

void H1Session::on_ready(Transport& transport, Ready ready) {
  switch (phase_) {
    case Phase::opening:
      if (transport.established()) opened();
      [[fallthrough]];
    case Phase::waiting:
    case Phase::reading_head: return read();
    case Phase::repeating: return send_rest();
    case Phase::exchanging:
    case Phase::draining: return stream_->on_ready(ready);
    case Phase::closed: return;
  }
}

void H1Session::read() {
  const std::size_t longest = server().client_header_max_size->bytes + 4096;
  for (;;) {
    const std::span<char> room = input_.room(context_.scratch, longest);
    if (room.empty()) return refuse(input_.held(), trouble(Trouble::head_memory));
    const Io io = transport_->read(room);
    switch (io.state) {
      case Io::State::bytes: break;
      case Io::State::again: return;
      case Io::State::eof:  // half a request and then the end: there is nobody to answer
      case Io::State::error:
        if (phase_ == Phase::opening) context_.counters.tls_failures.add();
        return close(Close::plain);
    }
    const std::string_view bytes = input_.produced(context_.scratch, io.bytes);
    if (phase_ == Phase::opening)
      opened();  // bytes that came together with the end of the handshake
    if (phase_ == Phase::waiting) {
      if (repeat_hit(bytes)) {
        if (phase_ == Phase::waiting && transport_->readable()) continue;
        return;
      }
      begin_head();
    }
    if (!take(bytes)) return;
  }
}

void H1Session::begin_head() {
  context_.sessions.became_busy(*this);
  enter(Phase::reading_head);
  started_ = clock::now();
  timer_.arm(*server().client_header_timeout);
}

bool H1Session::take(std::string_view bytes) {
  HeadScan first;
  HeadScan& scan = input_.empty() ? first : input_.scan();
  const Limits limits = limits_of(server());
  const auto end = find_head_end(bytes, scan, limits);
  if (!end) {
    refuse(bytes, end.error());
    return false;
  }
  if (*end == 0) {
    if (input_.empty()) {
      if (!input_.keep(bytes, context_.heads)) {
        refuse(bytes, trouble(Trouble::head_memory));
        return false;
      }
      input_.scan() = first;
      context_.sessions.became_slow(*this);
    }
    return true;
  }
  start_exchange(bytes.substr(0, *end), bytes.substr(*end));
  return false;
}

void H1Session::start_exchange(std::string_view head, std::string_view rest) {
  enter(Phase::exchanging);
  context_.sessions.became_busy(*this);
  timer_.cancel();
  ++requests_;
  stream_ = std::make_unique<H1Stream>(*this, context_, listen_, *transport_, started_);
  // Kept bytes are copied by the stream before they go.
  stream_->start(head, rest);
  input_.drop();
}

void H1Session::refuse(std::string_view bytes, Error why) {
  enter(Phase::exchanging);
  context_.sessions.became_busy(*this);
  refused_ = true;
  if (is(why, Trouble::head_memory)) context_.counters.heads_refused.add();
  timer_.cancel();
  ++requests_;
  stream_ = std::make_unique<H1Stream>(*this, context_, listen_, *transport_, started_);
  stream_->refuse(bytes, why);
  input_.drop();
}

// --- between requests

void H1Session::exchange_over() {
  if (phase_ == Phase::closed) return;
  if (!stream_->persists()) {
    const bool unread =
        !stream_->body_complete() || !stream_->leftover().empty() || transport_->readable();
    return close(unread && !stream_->client_ended() ? Close::linger : Close::plain);
  }
  if (!stream_->body_complete()) {
    if (phase_ == Phase::draining) return close(Close::linger);
    enter(Phase::draining);
    return stream_->drain_body();
  }
  next_request();
}

void H1Session::next_request() {
  const std::string_view leftover = stream_->leftover();
  const bool ended = stream_->client_ended();
  // Without memory for it the rest is unanswered, which the end of the connection says.
  if (!leftover.empty() && !input_.keep(leftover, context_.heads)) return close(Close::linger);
  stream_.reset();
  enter(Phase::waiting);
  if (input_.empty()) {
    if (ended) return close(Close::plain);
    idle();
    // What came while nobody was reading has had its edge.
    if (transport_->readable()) read();
    return;
  }
  begin_head();
  if (take(input_.held())) read();
}

void H1Session::idle() {
  timer_.arm(context_.draining
                 ? std::min(*server().keepalive_timeout, *context_.config.main.drain_idle_timeout)
                 : *server().keepalive_timeout);
  transport_->release_idle_memory();
  context_.sessions.became_idle(*this);
}

void H1Session::limit_idle(std::chrono::milliseconds longest) {
  if (phase_ == Phase::waiting) timer_.arm(std::min(longest, *server().keepalive_timeout));
}

void H1Session::timed_out(void* self) {
  auto& session = *static_cast<H1Session*>(self);
  if (session.phase_ == Phase::reading_head) {
    session.context_.counters.slow_heads.add();
    return session.refuse(session.input_.held(), trouble(Trouble::header_timeout));
  }
  if (session.phase_ == Phase::opening) session.context_.counters.tls_failures.add();
  session.close(Close::plain);
}

// --- the end

void H1Session::drop() {
  if (phase_ == Phase::closed) return outlived();
  const bool answering = phase_ == Phase::exchanging || phase_ == Phase::repeating;
  close(answering ? Close::reset : Close::plain);
}

void H1Session::outlived() {
  assert(phase_ == Phase::closed);
  context_.sessions.gone(*this);
}

void H1Session::close(Close how) {
  if (phase_ == Phase::closed) return;
  // Between exchanges the end is a clean one, and TLS says so. An exchange says it with its answer,
  // if that is whole.
  const bool clean = how == Close::plain && phase_ != Phase::exchanging && transport_->is_tls();
  if (clean && !transport_->closed()) transport_->shutdown_write();
  if (phase_ == Phase::repeating) context_.unsent.erase(this);
  enter(Phase::closed);
  timer_.cancel();
  if (stream_ != nullptr) stream_->session_closed(trouble(Trouble::client_gone));
  transport_->set_owner(nullptr);
  switch (how) {
    case Close::reset: transport_->reset_on_close(); break;
    case Close::plain:
      if (transport_->pending()) context_.lingerers.add(std::move(transport_));
      break;
    case Close::cut: break;
    case Close::linger: {
      Lingerers::Limits limits;
      limits.time = *server().lingering_time;
      limits.idle = *server().lingering_timeout;
      if (refused_) limits.bytes = refused_head_bytes;
      context_.lingerers.add(std::move(transport_), limits);
      break;
    }
  }
  if (stream_ != nullptr && stream_->outlives_client()) return;
  context_.sessions.gone(*this);
}

}  // namespace weir
