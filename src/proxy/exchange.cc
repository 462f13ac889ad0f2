#include "proxy/exchange.h"

#include <cassert>

#include <fmt/format.h>

#include "base/log.h"
#include "http/status.h"
#include "observe/access_log.h"
#include "observe/error_context.h"
#include "proxy/balance_key.h"
#include "proxy/client_address.h"
#include "proxy/errors.h"
#include "proxy/headers.h"
#include "proxy/stages.h"
#include "proxy/test_fault.h"
#include "proxy/values.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

std::chrono::microseconds until_head(const AttemptFacts& facts) {
  return std::chrono::duration_cast<std::chrono::microseconds>(*facts.header - facts.started);
}

}  // namespace

Exchange::Exchange(WorkerContext& context, ClientStream& client, const ListenPoint& listen,
                   ExchangeMemory& memory, clock::Monotonic started)
    : state_(context, client, listen, memory, started) {}

Exchange::~Exchange() {
  // Cancelled from above: what is known is still said.
  if (counted_) log_access();
  if (attempt_ != nullptr) count_attempt(attempt_->facts());
}

bool Exchange::may_enter(Phase from, Phase to) {
  if (to == Phase::over) return from != Phase::over;
  switch (from) {
    case Phase::staging: return to == Phase::attempting || to == Phase::answering;
    case Phase::attempting: return to == Phase::answering;
    case Phase::answering:
    case Phase::over: return false;
  }
  return false;
}

void Exchange::enter(Phase next) {
  assert(may_enter(phase_, next));
  phase_ = next;
}

void Exchange::begin() {
  state_.context.counters.requests.add();
  state_.context.counters.requests_active.add();
  counted_ = true;
  state_.request_id = state_.context.request_ids.next();
  state_.server = &state_.listen.default_server();
  state_.location = &state_.server->base;
}

void Exchange::start(const RequestTraits& traits) {
  begin();
  state_.traits = traits;
  breadcrumb("stages");
  WEIR_TEST_FAULT(state_.request().fields);
  run_stages(*this);
}

void Exchange::refuse(Error why) {
  begin();
  find_client_address(state_);
  fail(why);
}

// --- answers of our own

void Exchange::fail(Error why, std::string_view challenge) {
  const Consequence consequence = consequence_of(why);
  log_error(why, consequence.level);
  if (consequence.status == 0) return drop();
  // What can't be understood one way can't be trusted to end where it seems to.
  const bool about_rights = consequence.status == 401 || consequence.status == 404;
  if (why.side == Side::client && !about_rights) state_.client.close_after_answer();
  Reply answer;
  answer.status = consequence.status;
  answer.challenge = challenge;
  reply(answer);
}

void Exchange::reply(const Reply& answer) {
  if (phase_ == Phase::over) return;
  assert(phase_ == Phase::staging || phase_ == Phase::attempting);
  ResponseHead& head = state_.memory.answer;
  const std::string_view body = build_reply(answer, state_.request(), head, state_.arena());
  enter(Phase::answering);
  state_.status = head.status;
  state_.client.send_body_to(nullptr);
  const bool room = finish_answer(state_, head);
  if (!room || !state_.client.begin_answer(head, body.size())) {
    // Not even the error can be said: what add_header or a redirect made can't stand in a head.
    log_error(trouble(Trouble::answer_malformed), log::Level::error);
    state_.status = 500;
    return drop();
  }
  const bool bodiless = state_.request().method == Method::head || forbids_body(head.status);
  text_.start(bodiless ? std::string_view{} : body, state_.client);
}

void Exchange::drop() {
  if (phase_ == Phase::over) return;
  enter(Phase::over);
  end_attempt();
  log_access();
  state_.client.drop();
}

// --- answers of a peer

void Exchange::try_next_peer() {
  if (!picker_) picker_.emplace(*state_.location->group, balance_key(state_));
  Group::Picked picked = picker_->next();
  if (!picked.in_flight) {
    using enum Group::Nobody;
    return fail(trouble(picked.nobody == busy ? Trouble::peers_busy : Trouble::no_peers));
  }
  in_flight_ = std::move(picked.in_flight);
  begin_attempt(false);
}

void Exchange::begin_attempt(bool fresh) {
  Peer& peer = *in_flight_.peer();
  const conf::LocationConf& conf = *state_.location->conf;
  const auto share = picker_->share_of(*conf.proxy_connect_timeout);
  if (share.count() <= 0) return fail(trouble(Trouble::connect_time_up));
  if (phase_ == Phase::staging) enter(Phase::attempting);
  const AttemptRequest request{state_.memory.to_origin,
                               origin_target(state_),
                               state_.traits.framing,
                               state_.traits.upgrade,
                               state_.traits.te_trailers,
                               conf,
                               state_.memory.from_peer,
                               share,
                               fresh};
  attempt_ = std::make_unique<Attempt>(state_.context.loop, state_.context.buffers, state_.arena(),
                                       *state_.location->group, peer, request,
                                       static_cast<AttemptOwner&>(*this));
  state_.tried = true;
  state_.last_try = attempt_->facts();
  state_.context.counters.upstream_attempts.add();
  state_.context.counters.upstream_active.add();
  breadcrumb("peer");
  if (state_.traits.framing.has_body()) {
    attempt_->set_source(&state_.client);
    state_.client.send_body_to(attempt_.get());
  }
  attempt_->start();
}

// Out of the way of whatever called us: the attempt may be in the middle of a write.
void Exchange::end_attempt() {
  text_.stop();
  if (attempt_ == nullptr) return;
  const AttemptFacts& facts = attempt_->facts();
  state_.last_try = facts;
  count_attempt(facts);
  state_.client.send_body_to(nullptr);
  state_.client.set_source(nullptr);
  attempt_->cancel();  // until then the peer may still be heard
  in_flight_.reset();
  state_.context.loop.destroy_later(std::move(attempt_));
}

void Exchange::count_attempt(const AttemptFacts& facts) {
  shm::CounterRow& counters = state_.context.counters;
  counters.upstream_active.sub();
  if (facts.reused) {
    counters.upstream_reused.add();
  } else if (facts.connected) {
    counters.upstream_connects.add();
  }
  counters.upstream_bytes_in.add(facts.bytes_received);
  counters.upstream_bytes_out.add(facts.bytes_sent);
}

BodySink& Exchange::on_response(Attempt& attempt, ResponseHead& received,
                                const BodyFraming& framing) {
  ResponseHead& head = state_.memory.answer;
  head = received;
  state_.last_try = attempt.facts();
  state_.upstream_status = head.status;
  attempt.peer().answered(until_head(attempt.facts()), head.status);
  state_.location->group->answered(attempt.peer(), head.status);
  pass_answer(state_, head, attempt.peer().url());
  const bool room = finish_answer(state_, head);
  std::optional<std::uint64_t> length = framing.stated;
  if (framing.kind == BodyKind::length) length = framing.length;
  if (framing.kind == BodyKind::none && !framing.stated && state_.request().method != Method::head)
    length = 0;
  if (!room || !state_.client.begin_answer(head, length)) {
    end_attempt();
    fail(trouble(Trouble::answer_malformed));
    return refusal_;
  }
  enter(Phase::answering);
  state_.status = head.status;
  breadcrumb("answer");
  // The chain of filters begins here, once there are any.
  return state_.client;
}

void Exchange::on_upgrade(Attempt& attempt, ResponseHead& received, std::string_view protocol,
                          std::unique_ptr<Transport> transport, std::string_view early) {
  ResponseHead& head = state_.memory.answer;
  head = received;
  state_.last_try = attempt.facts();
  state_.upstream_status = state_.status = head.status;
  attempt.peer().answered(until_head(attempt.facts()), head.status);
  state_.location->group->answered(attempt.peer(), head.status);
  pass_answer(state_, head, attempt.peer().url());
  const bool room = finish_answer(state_, head);
  InFlight tunnelled = std::move(in_flight_);
  end_attempt();
  if (!room || !state_.client.begin_tunnel(head, protocol))
    return fail(trouble(Trouble::answer_malformed));
  enter(Phase::answering);
  in_flight_ = std::move(tunnelled);
  breadcrumb("tunnel");
  tunnel_ =
      std::make_unique<Tunnel>(state_.context.loop, state_.context.buffers, state_.client,
                               std::move(transport), *state_.location->conf->proxy_read_timeout);
  state_.client.flush();
  if (!tunnel_->start(early)) {
    log_error(trouble(Trouble::no_buffers), consequence_of(trouble(Trouble::no_buffers)).level);
    state_.client.abort(trouble(Trouble::no_buffers));
  }
}

void Exchange::on_failed(Attempt& attempt, const AttemptError& error) {
  Peer& peer = attempt.peer();
  const std::uint16_t status = status_of(error.kind);
  state_.context.counters.upstream_failures.add();
  InFlight held = std::move(in_flight_);  // past the attempt, for another one at the same peer
  end_attempt();
  if (phase_ == Phase::over) return;
  if (error.kind == AttemptFailure::request_body) return fail(error.error);

  // A pooled connection that the origin had closed as we took it: nobody saw the request (RFC 9110
  // §9.2.2).
  if (error.retry_safe_reused && retried_ != &peer && is_idempotent(state_.request().method) &&
      state_.client.body_untouched()) {
    retried_ = &peer;
    in_flight_ = std::move(held);
    return begin_attempt(true);
  }
  held.reset();
  log_error(error.error, log::Level::error);
  const bool unconnected = error.kind == AttemptFailure::connect_refused ||
                           error.kind == AttemptFailure::connect_timeout ||
                           error.kind == AttemptFailure::tls;
  // (The connector has said so itself where no connection could be made.)
  if (!unconnected && error.kind != AttemptFailure::local) {
    state_.location->group->failed(peer, failure_of(error.kind));
  }
  if (unconnected && !error.sent) {
    state_.context.counters.upstream_connect_failures.add();
    const auto share = picker_->share_of(*state_.location->conf->proxy_connect_timeout);
    if (share.count() > 0) in_flight_ = picker_->next().in_flight;
    if (in_flight_) {
      note_earlier(status);
      return begin_attempt(false);
    }
  }
  Reply answer;
  answer.status = status;
  reply(answer);
}

// "10.0.0.1:80, " in front of what the next try will say, and so for each of its values.
void Exchange::note_earlier(std::uint16_t status) {
  const AttemptFacts& facts = state_.last_try;
  EarlierTries& earlier = state_.earlier;
  Arena& arena = state_.arena();
  const auto seconds = [&](const std::optional<clock::Monotonic>& then) {
    if (!then) return std::string_view("-");
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(*then - facts.started).count();
    char text[24];
    const auto end = fmt::format_to_n(text, sizeof text, "{}.{:03}", ms / 1000, ms % 1000);
    return arena.copy({text, end.size});
  };
  char number[8];
  const auto end = fmt::format_to_n(number, sizeof number, "{}", status);
  earlier.addr = arena.join({earlier.addr, facts.peer, ", "});
  earlier.status = arena.join({earlier.status, {number, end.size}, ", "});
  earlier.connect_time = arena.join({earlier.connect_time, seconds(facts.connected), ", "});
  earlier.header_time = arena.join({earlier.header_time, seconds(facts.header), ", "});
  earlier.response_time = arena.join({earlier.response_time, seconds(facts.ended), ", "});
}

void Exchange::on_done(Attempt& attempt) {
  state_.last_try = attempt.facts();
  end_attempt();
}

// --- the client's side of it

void Exchange::on_body_failed(Error why) {
  if (phase_ == Phase::over) return;
  if (tunnel_ != nullptr || consequence_of(why).status == 0) {
    on_client_gone(why);
    return state_.client.drop();
  }
  if (phase_ != Phase::answering) {
    end_attempt();
    return fail(why);
  }
  // The answer has begun: the peer must not take what it got for a whole request.
  log_error(why, consequence_of(why).level);
  if (attempt_ != nullptr) attempt_->abort(why);
}

void Exchange::on_answer_sent() {
  if (phase_ == Phase::over) return;
  enter(Phase::over);
  log_access();
}

void Exchange::on_answer_aborted(Error why) {
  if (phase_ == Phase::over) return;
  log_error(why, consequence_of(why).level);
  enter(Phase::over);
  end_attempt();
  log_access();
}

void Exchange::on_client_gone(Error why) {
  if (phase_ == Phase::over) return;
  const bool begun = phase_ == Phase::answering;
  enter(Phase::over);
  log_error(why, consequence_of(why).level);
  state_.context.counters.requests_aborted.add();
  if (!begun) state_.status = 499;  // nginx's number for it; it is only ever logged
  end_attempt();
  log_access();
}

// --- what is told of it

void Exchange::log_error(const Error& why, log::Level level) {
  if (!log::enabled(level)) return;
  std::string message = fmt::format("*{} {}", state_.client.facts().serial, why.what);
  observe::append_context(ExchangeValues(state_), message);
  log::write(level, message);
}

void Exchange::log_access() {
  if (logged_ || !counted_) return;
  logged_ = true;
  shm::CounterRow& counters = state_.context.counters;
  counters.requests_active.sub();
  counters.bytes_in.add(state_.client.bytes_received());
  counted_ = false;
  switch (state_.status / 100) {
    case 2: counters.responses_2xx.add(); break;
    case 3: counters.responses_3xx.add(); break;
    case 4: counters.responses_4xx.add(); break;
    case 5: counters.responses_5xx.add(); break;
    default: break;
  }
  state_.context.slot.idle();
  for (const std::size_t log : state_.location->access_logs)
    state_.context.access_logs.write(log, ExchangeValues(state_));
}

void Exchange::breadcrumb(std::string_view phase) {
  const RequestHead& request = state_.request();
  state_.context.slot.leave({request.method_text, request.host, request.target,
                             state_.tried ? state_.last_try.peer : std::string_view{}, phase});
}

}  // namespace weir
