#include "proxy/exchange.h"

#include <cassert>

#include "base/log.h"
#include "http/status.h"
#include "observe/access_log.h"
#include "proxy/cache_stage.h"
#include "proxy/caches.h"
#include "proxy/client_address.h"
#include "proxy/errors.h"
#include "proxy/exchange_log.h"
#include "proxy/headers.h"
#include "proxy/slice_fetch.h"
#include "proxy/stages.h"
#include "proxy/stickiness.h"
#include "proxy/test_fault.h"
#include "proxy/values.h"
#include "proxy/worker_context.h"

namespace weir {

Exchange::Exchange(WorkerContext& context, ClientStream& client, const ListenPoint& listen,
                   ExchangeMemory& memory, clock::Monotonic started)
    : state_(context, context.request_ids, client, listen, memory, started),
      tries_(state_, static_cast<TriesOwner&>(*this)),
      unsendable_(trouble(Trouble::answer_malformed)) {}

Exchange::~Exchange() {
  // Cancelled from above: what is known is still said.
  if (counted_) log_access();
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
  if (state_.slice == nullptr) state_.context.counters.requests.add();
  state_.context.counters.requests_active.add();
  counted_ = true;
  state_.server = &state_.listen.default_server();
  state_.location = &state_.server->base;
}

void Exchange::start(const RequestTraits& traits) {
  begin();
  state_.traits = traits;
  leave_breadcrumb(state_, "stages");
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
  log_error(state_, why, consequence.level);
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
    log_error(state_, trouble(Trouble::answer_malformed), log::Level::error);
    state_.status = 500;
    return drop();
  }
  const bool bodiless = state_.request().method == Method::head || forbids_body(head.status);
  text_.start(bodiless ? std::string_view{} : body, state_.client);
}

void Exchange::drop() {
  if (phase_ == Phase::over) return;
  enter(Phase::over);
  end_sources();
  log_access();
  state_.client.drop();
}

// --- answers of a peer, or of the cache

void Exchange::ask_peers() {
  if (!prepare_for_origin(state_)) return fail(no_head_room(state_.arena()));
  if (cache_ != nullptr) cache_->before_asking();
  if (phase_ == Phase::staging) enter(Phase::attempting);
  tries_.start();
}

void Exchange::ask_again() {
  tries_.end();
  tries_.start();
}

bool Exchange::ask_cache() {
  if (state_.location->cache == nullptr) return false;
  const CachePlan& plan = *state_.location->cache;
  enter(Phase::attempting);
  if (state_.slice != nullptr) {
    cache_ = std::make_unique<SliceFetch>(*this, plan, *state_.slice);
  } else {
    cache_ = std::make_unique<CacheStage>(*this, plan);
  }
  return cache_->begin();
}

// Out of the way of whatever called us: an attempt may be in the middle of a write.
void Exchange::end_sources() {
  text_.stop();
  if (cache_ != nullptr) cache_->stop();
  tries_.end();
  stop_filter();
}

bool Exchange::begin_answer(ResponseHead& head, std::optional<std::uint64_t> length) {
  if (!finish_answer(state_, head)) return false;
  if (state_.location->codes && !code_answer(head, length)) return false;
  if (!state_.client.begin_answer(head, length)) return false;
  enter(Phase::answering);
  state_.status = head.status;
  leave_breadcrumb(state_, "answer");
  return true;
}

// HEAD gets the head that GET would get.
bool Exchange::code_answer(ResponseHead& head, std::optional<std::uint64_t>& length) {
  if (state_.refreshes) return true;  // nobody will see it
  AnswerCoding coding = choose_coding(state_, head, length);
  if (cache_ != nullptr) {
    if (const auto copied = cache_->take_copy(coding)) {
      length = copied->length;
      return apply_coding(coding, state_, head);
    }
  }
  if (coding.kind != AnswerCoding::Kind::none && state_.request().method != Method::head) {
    const WorkerContext& context = state_.context;
    const Coders coders{context.loop, context.coders, context.coder_turns, context.counters};
    filter_ = AnswerFilter::make(coders, coding, state_, head, length);
    if (filter_ == nullptr && coding.kind == AnswerCoding::Kind::decompress) {
      context.counters.decompress_refused.add();
      unsendable_ = trouble(Trouble::no_decoder);
      return false;
    }
    if (filter_ == nullptr) {
      context.counters.compress_skipped.add();
      coding = {.varies = true};
    }
  }
  if (coding.changes_length()) length.reset();
  return apply_coding(coding, state_, head);
}

void Exchange::stop_filter() {
  if (filter_ != nullptr) filter_->stop();
}

BodySink& Exchange::on_answer(Attempt& attempt, ResponseHead& received,
                              const BodyFraming& framing) {
  std::optional<std::uint64_t> length = framing.stated;
  if (framing.kind == BodyKind::length) length = framing.length;
  const bool tells_of_another = state_.request().method == Method::head || received.status == 304;
  if (framing.kind == BodyKind::none && !framing.stated && !tells_of_another) length = 0;
  if (cache_ != nullptr) {
    if (BodySink* const sink = cache_->on_answer(received, length, attempt.peer())) return *sink;
  }
  return pass_on(attempt, received, length);
}

bool Exchange::dress(ResponseHead& head, Peer* peer) {
  pass_answer(state_, head, peer == nullptr ? std::string_view{} : peer->url());
  return peer == nullptr || bind_client(state_, head, tries_.picker(), *peer);
}

// Straight from the peer to the client.
BodySink& Exchange::pass_on(Attempt& attempt, const ResponseHead& received,
                            std::optional<std::uint64_t> length) {
  ResponseHead& head = state_.memory.answer;
  head = received;
  if (!dress(head, &attempt.peer()) || !begin_answer(head, length)) {
    end_sources();
    fail(unsendable_);
    return refusal_;
  }
  return sink();
}

void Exchange::on_upgrade(Attempt& attempt, ResponseHead& received, std::string_view protocol,
                          std::unique_ptr<Transport> transport, std::string_view early,
                          InFlight in_flight) {
  ResponseHead& head = state_.memory.answer;
  head = received;
  state_.status = head.status;
  const bool room = dress(head, &attempt.peer()) && finish_answer(state_, head);
  if (!room || !state_.client.begin_tunnel(head, protocol))
    return fail(trouble(Trouble::answer_malformed));
  enter(Phase::answering);
  in_flight_ = std::move(in_flight);
  leave_breadcrumb(state_, "tunnel");
  const conf::LocationConf& conf = *state_.location->conf;
  const Tunnel::Limits limits{*conf.proxy_read_timeout,
                              static_cast<std::size_t>(conf.proxy_buffer_size_max->bytes)};
  tunnel_ = std::make_unique<Tunnel>(state_.context.loop, state_.context.buffers, state_.client,
                                     std::move(transport), limits);
  state_.client.flush();
  if (!tunnel_->start(early)) {
    log_error(state_, trouble(Trouble::no_buffers),
              consequence_of(trouble(Trouble::no_buffers)).level);
    state_.client.abort(trouble(Trouble::no_buffers));
  }
}

void Exchange::on_failed(Error why) {
  if (cache_ != nullptr && cache_->on_no_answer()) return;
  fail(why);
}

void Exchange::on_no_answer(std::uint16_t status) {
  if (cache_ != nullptr && cache_->on_no_answer()) return;
  Reply answer;
  answer.status = status;
  reply(answer);
}

// --- the client's side of it

void Exchange::on_body_failed(Error why) {
  if (phase_ == Phase::over) return;
  if (tunnel_ != nullptr || consequence_of(why).status == 0) {
    on_client_gone(why);
    return state_.client.drop();
  }
  if (phase_ != Phase::answering) {
    end_sources();
    return fail(why);
  }
  // The answer has begun: the peer must not take what it got for a whole request.
  log_error(state_, why, consequence_of(why).level);
  tries_.abort_body(why);
}

void Exchange::on_answer_sent() {
  if (phase_ == Phase::over) return;
  enter(Phase::over);
  log_access();
}

void Exchange::on_answer_aborted(Error why) {
  if (phase_ == Phase::over) return;
  log_error(state_, why, consequence_of(why).level);
  tries_.answer_failed(why);
  enter(Phase::over);
  end_sources();
  log_access();
}

void Exchange::on_client_gone(Error why) {
  if (phase_ == Phase::over) return;
  const bool begun = phase_ == Phase::answering;
  enter(Phase::over);
  log_error(state_, why, consequence_of(why).level);
  state_.context.counters.requests_aborted.add();
  if (!begun) state_.status = 499;  // nginx's number for it; it is only ever logged
  fetching_ = cache_ != nullptr && cache_->goes_on_alone();
  if (fetching_) {
    stop_filter();
  } else {
    end_sources();
  }
  log_access();
}

void Exchange::fetch_over() {
  if (!outlives_client()) return;
  fetching_ = false;
  end_sources();
  state_.client.outlived();
}

// --- what is told of it

void Exchange::log_access() {
  if (logged_ || !counted_) return;
  logged_ = true;
  if (filter_ != nullptr) state_.compressed = filter_->compressed();
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
  if (cache_ != nullptr && state_.slice == nullptr) count_cache();
  state_.context.slot.idle();
  if (state_.refreshes) return;  // nobody asked for it
  for (const std::size_t log : state_.location->access_logs)
    state_.context.access_logs.write(log, ExchangeValues(state_));
}

void Exchange::count_cache() {
  using cache::Word;
  cache::Served served;
  switch (state_.cache.word) {
    case Word::stale:
    case Word::updating: served.stale = 1; [[fallthrough]];
    case Word::hit:
      served.hits = 1;
      served.bytes_out = state_.client.bytes_sent();
      break;
    case Word::miss: served.misses = 1; break;
    case Word::revalidated: served.revalidated = 1; break;
    case Word::bypass: served.bypassed = 1; break;
  }
  if (state_.cache.status.collapsed) served.collapsed = 1;
  count_served(state_.context.counters, *state_.location->cache, served);
}

}  // namespace weir
