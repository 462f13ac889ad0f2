#include "tools/load/connection.h"

#include <cerrno>
#include <utility>

#include "http/framing.h"
#include "http/hop_by_hop.h"
#include "http/status.h"
#include "net/plain_transport.h"
#include "tools/load/generator.h"

namespace weir::load {
namespace {

constexpr int reads_per_turn_max = 16;  // then others have their turn
constexpr std::uint8_t informational_max = 16;

bool is_resource_error(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
         error_number == ENOBUFS || error_number == EADDRNOTAVAIL;
}

}  // namespace

Connection::Connection(Generator& generator)
    : generator_(generator),
      dialer_(
          generator.loop(),
          [](void* self, std::unique_ptr<Socket> socket) {
            static_cast<Connection*>(self)->dialled(std::move(socket));
          },
          this),
      timer_(
          generator.loop(), [](void* self) { static_cast<Connection*>(self)->time_is_up(); }, this),
      failing_(
          generator.loop(),
          [](void* self) {
            auto& it = *static_cast<Connection*>(self);
            it.fail(it.failing_kind_, it.failing_detail_);
          },
          this) {}

void Connection::begin(Clock::time_point intended) {
  intended_ = intended;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      intended + generator_.plan().options.timeout - clock::now());
  timer_.arm(left);
  if (phase_ == Phase::idle) return send_request();
  connect();
}

void Connection::begin_later(std::chrono::milliseconds pause) {
  phase_ = Phase::resting;
  timer_.arm(pause);
}

void Connection::connect() {
  phase_ = Phase::connecting;
  switch (dialer_.connect(generator_.plan().address)) {
    case Dialer::Started::waiting: return;
    case Dialer::Started::connected: return dialled(dialer_.take_socket());
    case Dialer::Started::failed: dial_failed(dialer_.error_number()); return;
  }
}

void Connection::dialled(std::unique_ptr<Socket> socket) {
  if (!socket) return dial_failed(dialer_.error_number());
  const Plan& plan = generator_.plan();
  ++generator_.tally().connections;
  phase_ = Phase::handshaking;
  if (plan.tls) {
    transport_ = plan.tls->connect(std::move(socket), plan.address, plan.options.target.host,
                                   generator_.pool());
  } else {
    transport_ = std::make_unique<PlainTransport>(std::move(socket), plan.address);
  }
  const Result<Ok> started =
      transport_ ? transport_->start() : Result<Ok>(Error{Side::self, "out of memory"});
  if (!started) {
    failing_kind_ = Failure::local;
    failing_detail_ = started.error().what;
    return failing_.schedule();
  }
  transport_->set_owner(this);
  if (transport_->established()) handshake_over();
}

void Connection::dial_failed(int error_number) {
  failing_kind_ = Failure::connect_failed;
  if (error_number == ECONNREFUSED) failing_kind_ = Failure::connect_refused;
  if (error_number == ETIMEDOUT) failing_kind_ = Failure::connect_timeout;
  if (is_resource_error(error_number)) failing_kind_ = Failure::local;
  failing_detail_ = socket_error(Side::upstream, error_number).what;
  failing_.schedule();
}

void Connection::on_ready(Transport&, Ready) {
  switch (phase_) {
    case Phase::handshaking:
      if (transport_->established()) {
        handshake_over();
      } else {
        read_answer();  // it says what is wrong
      }
      return;
    case Phase::busy:
      write_some();
      read_answer();
      return;
    case Phase::idle: look_while_idle(); return;
    case Phase::closed:
    case Phase::resting:
    case Phase::connecting: return;
  }
}

void Connection::handshake_over() {
  if (const TlsInfo* info = transport_->tls()) {
    ++(info->reused ? generator_.tally().tls_resumed : generator_.tally().tls_full);
  }
  send_request();
}

void Connection::send_request() {
  phase_ = Phase::busy;
  out_ = generator_.plan().request;
  scan_ = HeadScan{.kind = HeadKind::response};
  carry_.clear();
  status_ = 0;
  informational_ = 0;
  write_some();
}

// A peer that resets may have answered before: what it sent is read first, so a write that fails
// only ends the writing.
void Connection::write_some() {
  while (!out_.empty()) {
    const Io io = transport_->write(out_);
    if (io.state == Io::State::again) return;
    if (io.state != Io::State::bytes) return transport_->again();
    generator_.tally().bytes_out += io.bytes;
    out_.remove_prefix(io.bytes);
  }
}

void Connection::read_answer() {
  const auto buffer = generator_.read_buffer();
  for (int reads = 0; reads < reads_per_turn_max; ++reads) {
    const Io io = transport_->read(buffer, Want::more);
    switch (io.state) {
      case Io::State::again: return;
      case Io::State::eof: return input_ended();
      case Io::State::error: return broken(io.error);
      case Io::State::bytes: break;
    }
    generator_.tally().bytes_in += io.bytes;
    switch (take({buffer.data(), io.bytes})) {
      case Taken::more: break;
      case Taken::whole: return answered();
      case Taken::failed: return;
    }
  }
  transport_->again();
}

Connection::Taken Connection::take(std::string_view bytes) {
  while (status_ == 0) {
    const Taken taken = take_head(bytes);
    if (taken == Taken::failed || (taken == Taken::more && status_ == 0 && bytes.empty())) {
      return taken;
    }
  }
  return take_body(bytes);
}

// Takes one head off `bytes`, or all of them where it has not come whole.
Connection::Taken Connection::take_head(std::string_view& bytes) {
  const std::size_t carried = carry_.size();
  if (carried != 0) carry_.append(bytes);
  const std::string_view text = carried != 0 ? std::string_view(carry_) : bytes;
  const auto size = find_head_end(text, scan_, generator_.limits());
  if (!size) return malformed(size.error().what);
  if (*size == 0) {
    if (carried == 0) carry_.assign(bytes);
    bytes = {};
    return Taken::more;
  }
  ResponseHead& head = generator_.scratch_head();
  head.clear();
  if (const auto parsed = parse_response_head(text.substr(0, *size), generator_.limits(), head);
      !parsed) {
    return malformed(parsed.error().what);
  }
  const auto framing = response_framing(head, generator_.plan().method);
  if (!framing) return malformed(framing.error().what);
  const auto hop = take_hop_by_hop(head);
  if (!hop) return malformed(hop.error().what);
  bytes.remove_prefix(*size - carried);
  scan_ = HeadScan{.kind = HeadKind::response};
  if (is_informational(head.status)) {
    if (++informational_ > informational_max) return malformed("too many informational answers");
  } else {
    status_ = head.status;
    persists_ = wants_persistence(head.version, *hop);
    until_close_ = framing->kind == BodyKind::until_close;
    decoder_.start(*framing, generator_.limits(), Side::upstream);
  }
  carry_.clear();  // the head's views are done with
  return Taken::more;
}

Connection::Taken Connection::take_body(std::string_view bytes) {
  while (!bytes.empty() && !decoder_.done()) {
    const auto step = decoder_.decode(bytes);
    if (!step) return malformed(step.error().what);
    bytes.remove_prefix(step->consumed);
  }
  if (!decoder_.done()) return Taken::more;
  if (!bytes.empty()) return malformed("more bytes than the answer has");
  return Taken::whole;
}

Connection::Taken Connection::malformed(std::string_view why) {
  fail(Failure::malformed, why);
  return Taken::failed;
}

void Connection::input_ended() {
  if (phase_ == Phase::handshaking) return fail(Failure::tls, "closed during the handshake");
  if (status_ == 0) {
    return fail(Failure::closed, carry_.empty() ? "before the answer" : "inside the head");
  }
  if (until_close_ && !transport_->eof_is_clean()) {
    return fail(Failure::closed, "without the end of TLS (close_notify)");
  }
  if (!decoder_.end_of_input()) return fail(Failure::closed, "inside the body");
  answered();
}

void Connection::broken(const Error& error) {
  const bool reset = error.what == socket_error(Side::upstream, ECONNRESET).what ||
                     error.what == socket_error(Side::upstream, EPIPE).what;
  if (error.side == Side::self) return fail(Failure::local, error.what);
  if (!reset && transport_->is_tls()) return fail(Failure::tls, error.what);
  fail(Failure::reset, error.what);
}

// Nothing is expected: a peer that closes an idle connection does no wrong, one that speaks does
// not get another request on it.
void Connection::look_while_idle() {
  const auto buffer = generator_.read_buffer();
  const Io io = transport_->read(buffer, Want::more);
  if (io.state == Io::State::again) return;  // of TLS: a ticket, a key update
  generator_.lost_while_idle(*this);
  drop(false);
}

void Connection::answered() {
  timer_.cancel();
  const bool reusable = persists_ && !until_close_ && out_.empty() && !transport_->closed() &&
                        generator_.plan().options.keepalive;
  if (reusable) {
    phase_ = Phase::idle;
  } else {
    drop(true);
  }
  generator_.answered(*this, intended_, status_);
}

void Connection::fail(Failure kind, std::string_view detail) {
  timer_.cancel();
  failing_.cancel();
  drop(false);
  generator_.failed(*this, kind, detail);
}

// Out of a callback of the transport as a rule: it lives on until the end of the turn.
void Connection::drop(bool politely) {
  phase_ = Phase::closed;
  out_ = {};
  if (!transport_) return;
  transport_->set_owner(nullptr);
  if (politely && !transport_->closed()) {
    generator_.let_go(std::move(transport_));
  } else {
    generator_.loop().destroy_later(std::move(transport_));
  }
}

void Connection::time_is_up() {
  switch (phase_) {
    case Phase::resting:
      phase_ = Phase::closed;
      generator_.rested(*this);
      return;
    case Phase::connecting:
      dialer_.cancel();
      return fail(Failure::connect_timeout, "the server accepts no connection");
    case Phase::handshaking: return fail(Failure::timeout, "in the TLS handshake");
    case Phase::busy:
      return fail(Failure::timeout, status_ == 0 ? "before the answer" : "inside the answer");
    case Phase::closed:
    case Phase::idle: return;
  }
}

}  // namespace weir::load
