#include "proxy/attempt.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir {
namespace {

Limits limits_of(const conf::LocationConf& conf) {
  Limits limits;
  limits.head_bytes_max = static_cast<std::size_t>(
      std::min<std::uint64_t>(conf.proxy_header_max_size->bytes, BufferPool::block_bytes_max));
  limits.request_line_bytes_max = limits.head_bytes_max;
  limits.fields_max = *conf.proxy_max_headers;
  limits.chunk_extension_bytes_max = conf.chunk_extensions_max_size->bytes;
  limits.trailer_bytes_max = conf.trailers_max_size->bytes;
  limits.trailers_max = *conf.max_trailers;
  limits.underscores = Underscores::keep;  // what an origin calls its fields is its own affair
  return limits;
}

AttemptFailure failure_of(ConnectFailure kind) {
  switch (kind) {
    case ConnectFailure::refused: return AttemptFailure::connect_refused;
    case ConnectFailure::timeout: return AttemptFailure::connect_timeout;
    case ConnectFailure::tls: return AttemptFailure::tls;
    case ConnectFailure::local: return AttemptFailure::local;
  }
  return AttemptFailure::local;
}

}  // namespace

std::uint16_t status_of(AttemptFailure kind) {
  using enum AttemptFailure;
  switch (kind) {
    case connect_timeout:
    case send_timeout:
    case read_timeout: return 504;
    case local: return 503;
    case request_body: return 400;
    case connect_refused:
    case tls:
    case reset:
    case closed_early:
    case invalid: return 502;
  }
  return 500;
}

std::string_view name_of(AttemptFailure kind) {
  using enum AttemptFailure;
  switch (kind) {
    case connect_refused: return "connect refused";
    case connect_timeout: return "connect timeout";
    case tls: return "TLS failure";
    case local: return "out of local resources";
    case send_timeout: return "send timeout";
    case read_timeout: return "read timeout";
    case reset: return "connection reset";
    case closed_early: return "closed before the answer";
    case invalid: return "invalid answer";
    case request_body: return "request body cut short";
  }
  return "";
}

std::uint32_t failure_of(AttemptFailure kind) {
  using enum AttemptFailure;
  switch (kind) {
    case connect_refused:
    case tls:
    case reset:
    case closed_early: return conf::RetryConf::error;
    case connect_timeout:
    case send_timeout:
    case read_timeout: return conf::RetryConf::timeout;
    case invalid: return conf::RetryConf::invalid;
    case local:
    case request_body: return 0;
  }
  return 0;
}

Attempt::Attempt(Loop& loop, BufferPool& buffers, Arena& arena, Group& group, Peer& peer,
                 const AttemptRequest& request, AttemptOwner& owner)
    : buffers_(buffers),
      arena_(arena),
      group_(group),
      peer_(peer),
      request_(request),
      owner_(owner),
      limits_(limits_of(request.conf)),
      connector_(loop, buffers, *this),
      writer_(buffers),
      reader_(buffers, limits_,
              static_cast<std::size_t>(request.conf.proxy_buffer_size_max->bytes)),
      head_(request.answer),
      timer_(
          loop, [](void* self) { static_cast<Attempt*>(self)->on_timer(); }, this),
      deferred_(
          loop, [](void* self) { static_cast<Attempt*>(self)->on_deferred(); }, this),
      memory_([](void* self) { static_cast<Attempt*>(self)->on_memory(); }, this) {
  facts_.peer = arena.copy(peer.name());  // the peer may leave its group before we are logged
}

Attempt::~Attempt() {
  if (sink_ != nullptr) sink_->set_source(nullptr);
}

bool Attempt::may_enter(Phase from, Phase to) {
  using enum Phase;
  switch (from) {
    case idle: return to == connecting || to == failed || to == cancelled;
    case connecting: return to == exchanging || to == failed || to == cancelled;
    case exchanging: return to >= done;
    case done:
    case upgraded:
    case failed:
    case cancelled: return false;
  }
  return false;
}

void Attempt::enter(Phase next) {
  assert(may_enter(phase_, next));
  phase_ = next;
}

// -- connecting

void Attempt::start() {
  if (!request_.fresh) {
    if (Lease lease = group_.pool().take(peer_)) return start_on(std::move(lease));
  }
  enter(Phase::connecting);
  begin_time();
  connector_.start(group_, peer_, request_.connect_timeout);
}

void Attempt::begin_time() {
  facts_.started = clock::now();
  if (request_.answer_timeout.count() > 0) answer_due_ = facts_.started + request_.answer_timeout;
}

void Attempt::start_on(Lease lease) {
  enter(Phase::connecting);
  begin_time();
  facts_.reused = lease.reused();
  begin_exchange(std::move(lease));
}

void Attempt::on_connected(std::unique_ptr<Transport> transport) {
  begin_exchange(group_.pool().adopt(peer_, std::move(transport)));
  // An origin that spoke at once did so in the edge that ended the connecting: no other will come.
  if (live() && lease_.transport().readable()) lease_.transport().again();
}

void Attempt::on_connect_failed(const ConnectError& error) {
  fail(failure_of(error.kind), error.error);
}

// -- the request

void Attempt::begin_exchange(Lease lease) {
  enter(Phase::exchanging);
  facts_.connected = clock::now();
  lease_ = std::move(lease);
  lease_.transport().set_owner(this);
  writer_.bind(lease_.transport());
  writer_.set_gate(!(request_.head.fields.has(FieldId::expect) && request_.body.has_body()));
  begin_request();
}

// The body is asked for before the head is sent: what the client has sent already goes along.
void Attempt::begin_request() {
  const Outgoing outgoing{
      .framing = request_.body,
      .persistence = group_.pool().keeps() ? Persistence::unsaid : Persistence::close,
      .upgrade = request_.upgrade,
      .te_trailers = request_.te_trailers};
  const auto begun = writer_.begin(request_.head, request_.target, outgoing);
  if (!begun) return fail_later(AttemptFailure::local, begun.error());
  if (*begun == UpstreamWriter::Begun::no_memory) {
    buffers_.wait(memory_);
  } else {
    ask_for_body();
    if (!live()) return;
    writer_.send();
    after_writing();
  }
  wait_for_progress();
}

void Attempt::ask_for_body() {
  if (writer_.wants_body() && source() != nullptr) source()->resume();
}

// A broken transport may still hold the origin's answer (413, then a reset): the read will tell.
void Attempt::after_writing() {
  facts_.bytes_sent = writer_.bytes_sent();
  facts_.body_bytes_taken = writer_.body_bytes_taken();
  if (writer_.broken()) lease_.transport().again();
}

std::size_t Attempt::write(std::string_view bytes, bool last) {
  if (phase_ > Phase::exchanging) return 0;
  const std::size_t taken = writer_.write(bytes, last);
  if (writer_.begun()) {
    after_writing();
    wait_for_progress();
  }
  return taken;
}

void Attempt::trailers(const Fields& fields) { writer_.trailers(fields); }

void Attempt::flush() {
  if (lease_) lease_.transport().flush();
}

void Attempt::abort(Error why) {
  writer_.stop();
  if (phase_ <= Phase::exchanging) fail_later(AttemptFailure::request_body, why);
}

// Not now: the caller is on the stack.
void Attempt::fail_later(AttemptFailure kind, Error error) {
  deferred_failure_ = kind;
  deferred_error_ = error;
  deferred_.schedule();
}

void Attempt::on_deferred() {
  if (sink_ != nullptr) {
    cut_short(deferred_error_);
  } else {
    fail(deferred_failure_, deferred_error_);
  }
}

void Attempt::open_gate() {
  writer_.set_gate(true);
  owner_.on_continue(*this);
  if (live()) ask_for_body();
  if (!live()) return;
  writer_.send();
  after_writing();
}

// -- time and memory

Attempt::Waiting Attempt::waiting_for() const {
  if (paused_) return Waiting::nothing;  // the client's send_timeout runs
  if (sink_ != nullptr) return Waiting::to_read;
  if (!writer_.begun() || writer_.blocked()) return Waiting::to_send;
  if (!writer_.gate_open()) return Waiting::for_continue;
  // While the client uploads, its own timeouts run.
  return writer_.complete() || writer_.broken() ? Waiting::to_read : Waiting::nothing;
}

void Attempt::wait_for_progress() {
  const Waiting now = waiting_for();
  const std::uint64_t moved = writer_.bytes_sent() + reader_.bytes_received();
  if (now == waiting_ && moved == moved_) return;
  // What the client took for its body is not the peer's time.
  if (waiting_ == Waiting::nothing && facts_.body_bytes_taken > 0 &&
      answer_due_ != clock::Monotonic::max()) {
    answer_due_ = clock::now() + request_.answer_timeout;
  }
  waiting_ = now;
  moved_ = moved;
  switch (now) {
    case Waiting::nothing: return timer_.cancel();
    case Waiting::to_send: return arm(*request_.conf.proxy_send_timeout);
    case Waiting::for_continue: return arm(continue_wait);
    case Waiting::to_read: return arm(*request_.conf.proxy_read_timeout);
  }
}

void Attempt::arm(std::chrono::milliseconds limit) {
  if (sink_ == nullptr && answer_due_ != clock::Monotonic::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(answer_due_ - clock::now());
    limit = std::min(limit, std::max(left, std::chrono::milliseconds(1)));
  }
  timer_.arm(limit);
}

void Attempt::on_timer() {
  if (sink_ == nullptr && clock::now() >= answer_due_) {
    fail(AttemptFailure::read_timeout, {Side::upstream, "no answer within per_try_timeout"});
    return;
  }
  switch (waiting_) {
    case Waiting::nothing: return;
    case Waiting::for_continue:
      open_gate();
      if (live()) wait_for_progress();
      return;
    case Waiting::to_send:
      fail(AttemptFailure::send_timeout, {Side::upstream, "peer does not take the request"});
      return;
    case Waiting::to_read:
      if (sink_ != nullptr) {
        cut_short({Side::upstream, "peer stopped in the middle of the answer"});
      } else {
        fail(AttemptFailure::read_timeout, {Side::upstream, "peer does not answer"});
      }
      return;
  }
}

void Attempt::on_memory() {
  if (!writer_.begun()) return begin_request();
  if (!paused_) read_answer();
}

// -- the end

void Attempt::cancel() {
  silent_ = true;
  if (phase_ > Phase::exchanging) return;
  enter(Phase::cancelled);
  writer_.stop();
  reader_.stop();
  // The sink may be gone before the destructor runs.
  if (sink_ != nullptr) std::exchange(sink_, nullptr)->set_source(nullptr);
  close();
}

void Attempt::close() {
  connector_.cancel();
  timer_.cancel();
  deferred_.cancel();
  memory_.unlink();
  facts_.ended = clock::now();
  lease_.close();
}

Attempt::Pass Attempt::fail(AttemptFailure kind, Error error) {
  assert(sink_ == nullptr);
  const AttemptError failed{.kind = kind, .error = error, .sent = facts_.bytes_sent > 0};
  close();
  reader_.release();
  enter(Phase::failed);
  owner_.on_failed(*this, failed);
  return Pass::ended;
}

Attempt::Pass Attempt::cut_short(Error why) {
  facts_.cut_short = why.what;
  close();
  reader_.release();
  BodySink& sink = *std::exchange(sink_, nullptr);
  sink.set_source(nullptr);
  enter(Phase::done);
  sink.abort(why);
  if (!silent_) owner_.on_done(*this);
  return Pass::ended;
}

// Contract rule 6: the connection is used again only when both messages are complete.
Attempt::Pass Attempt::finish() {
  const bool reusable =
      persistent_ && writer_.complete() && !reader_.until_close() && reader_.rest().empty();
  if (reusable) lease_.give_back();
  close();
  reader_.release();
  std::exchange(sink_, nullptr)->set_source(nullptr);
  enter(Phase::done);
  owner_.on_done(*this);
  return Pass::ended;
}

}  // namespace weir
