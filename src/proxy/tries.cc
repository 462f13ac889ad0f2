#include "proxy/tries.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/format.h"
#include "proxy/balance_key.h"
#include "proxy/errors.h"
#include "proxy/exchange_log.h"
#include "proxy/headers.h"
#include "proxy/stickiness.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

std::chrono::microseconds until_head(const AttemptFacts& facts) {
  return std::chrono::duration_cast<std::chrono::microseconds>(*facts.header - facts.started);
}

}  // namespace

Tries::Tries(ExchangeState& state, TriesOwner& owner)
    : state_(state),
      owner_(owner),
      timer_(
          state.context.loop, [](void* self) { static_cast<Tries*>(self)->on_timer(); }, this),
      after_turn_(
          state.context.loop, [](void* self) { static_cast<Tries*>(self)->after_turn(); }, this) {}

// Cancelled from above: what was known is still counted.
Tries::~Tries() {
  leave_queue();
  for (const Lane& lane : lanes_) {
    if (lane.attempt != nullptr) count(lane.attempt->facts());
  }
}

bool Tries::is_idempotent() const { return weir::is_idempotent(state_.request().method); }

void Tries::start() {
  group_ = state_.location->group;
  conf_ = &*group_->conf().retry;
  group_->retry_budget().count_request(clock::now());
  picker_.emplace(*group_, balance_key(state_), bound_peer(state_));
  Group::Picked picked{{}, Group::Nobody::busy};
  // Who came first is served first.
  WaitQueue& queue = group_->queue();
  if (queue.empty()) picked = picker_->next();
  const bool busy = !picked.in_flight && picked.nobody == Group::Nobody::busy;
  if (busy && queue.enter(*this)) return;
  begin_first(std::move(picked));
}

bool Tries::on_turn() {
  Group::Picked picked = picker_->next();
  if (!picked.in_flight && picked.nobody == Group::Nobody::busy) return false;
  leave_queue();
  begin_first(std::move(picked));
  return true;
}

void Tries::on_wait_over() { owner_.on_failed(trouble(Trouble::peers_busy)); }

void Tries::leave_queue() {
  if (waits()) group_->queue().leave(*this);
}

void Tries::begin_first(Group::Picked picked) {
  if (!picked.in_flight) {
    using enum Group::Nobody;
    return owner_.on_failed(
        trouble(picked.nobody == busy ? Trouble::peers_busy : Trouble::no_peers));
  }
  if (state_.traits.framing.has_body() && conf_->tries > 1 && replay_ == nullptr) keep_body();
  begin(std::move(picked.in_flight), connect_time_left(), false);
}

void Tries::keep_body() {
  const std::uint64_t most = group_->conf().retry_body_max_size->bytes;
  if (most == 0) return;
  if (!is_idempotent() && (conf_->on & conf::RetryConf::non_idempotent) == 0) return;
  replay_ =
      std::make_unique<BodyReplay>(state_.context.buffers, state_.arena(), state_.client, most);
}

milliseconds Tries::connect_time_left() const {
  const milliseconds share = picker_->share_of(*state_.location->conf->proxy_connect_timeout);
  const milliseconds most = conf_->per_try_timeout;
  return most.count() == 0 ? share : std::min(share, most);
}

// --- one try

void Tries::begin(InFlight at, milliseconds connect_time, bool fresh) {
  if (connect_time.count() <= 0) return owner_.on_failed(trouble(Trouble::connect_time_up));
  Lane& lane = lanes_[lanes_[0].attempt == nullptr ? 0 : 1];
  assert(lane.attempt == nullptr);
  const AttemptRequest request{.head = state_.memory.to_origin,
                               .target = origin_target(state_),
                               .body = state_.traits.framing,
                               .upgrade = state_.traits.upgrade,
                               .te_trailers = state_.traits.te_trailers,
                               .conf = *state_.location->conf,
                               .answer = state_.memory.from_peer,
                               .connect_timeout = connect_time,
                               .answer_timeout = conf_->per_try_timeout,
                               .fresh = fresh};
  Peer& peer = *at.peer();
  lane.in_flight = std::move(at);
  lane.attempt =
      std::make_unique<Attempt>(state_.context.loop, state_.context.buffers, state_.arena(),
                                *group_, peer, request, static_cast<AttemptOwner&>(*this));
  ++tries_;
  state_.tried = true;
  state_.upstream_status = 0;
  state_.last_try = lane.attempt->facts();
  state_.context.counters.upstream_attempts.add();
  state_.context.counters.upstream_active.add();
  leave_breadcrumb(state_, "peer");
  if (state_.traits.framing.has_body()) feed(*lane.attempt);
  if (group_->conf().hedge->percentile != 0) arm_hedge();
  lane.attempt->start();  // asks for the body: all may be over when it returns
}

void Tries::feed(Attempt& attempt) {
  if (replay_ != nullptr) return replay_->feed(attempt);
  attempt.set_source(&state_.client);
  state_.client.send_body_to(&attempt);
}

void Tries::stop_feeding() {
  if (replay_ != nullptr) replay_->rest();
  state_.client.send_body_to(nullptr);
}

// Out of the way of whatever called us: the attempt may be in the middle of a write.
void Tries::end_lane(Lane& lane) {
  if (lane.attempt == nullptr) return;
  if (lane.held_back == 0) stop_feeding();
  lane.attempt->cancel();  // until then the peer may still be heard
  const AttemptFacts& facts = lane.attempt->facts();
  state_.last_try = facts;
  count(facts);
  picker_->spent((facts.connected ? *facts.connected : clock::now()) - facts.started);
  lane.in_flight.reset();
  lane.held_back = 0;
  lane.blamed = false;
  state_.context.loop.destroy_later(std::move(lane.attempt));
}

void Tries::end() {
  leave_queue();
  timer_.cancel();
  after_turn_.cancel();
  next_.reset();
  launching_ = false;
  waiting_ = Waiting::nothing;
  if (lanes_[0].attempt != nullptr && lanes_[1].attempt != nullptr) {
    Lane& first = lanes_[0];
    const std::uint16_t status = first.held_back;
    end_lane(first);
    note_earlier(state_.last_try, status);
  }
  for (Lane& lane : lanes_) end_lane(lane);
}

Tries::Lane& Tries::lane_of(const Attempt& attempt) {
  Lane& lane = lanes_[lanes_[0].attempt.get() == &attempt ? 0 : 1];
  assert(lane.attempt.get() == &attempt);
  return lane;
}

void Tries::count(const AttemptFacts& facts) {
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

// "10.0.0.1:80, " in front of what the next try will say, and so for each of its values.
void Tries::note_earlier(const AttemptFacts& facts, std::uint16_t status) {
  EarlierTries& earlier = state_.earlier;
  Arena& arena = state_.arena();
  const auto seconds = [&](const std::optional<clock::Monotonic>& then) {
    if (!then) return std::string_view("-");
    const auto ms = std::chrono::duration_cast<milliseconds>(*then - facts.started).count();
    char text[24];
    const std::size_t size = format_into(text, "{}.{:03}", ms / 1000, ms % 1000);
    return arena.copy({text, size});
  };
  char number[8] = "-";
  std::size_t digits = 1;
  if (status != 0) digits = format_into(number, "{}", status);
  ++earlier.count;
  earlier.addr = arena.join({earlier.addr, facts.peer, ", "});
  earlier.status = arena.join({earlier.status, {number, digits}, ", "});
  earlier.connect_time = arena.join({earlier.connect_time, seconds(facts.connected), ", "});
  earlier.header_time = arena.join({earlier.header_time, seconds(facts.header), ", "});
  earlier.response_time = arena.join({earlier.response_time, seconds(facts.ended), ", "});
}

// --- what became of it

void Tries::on_failed(Attempt& attempt, const AttemptError& error) {
  Lane& lane = lane_of(attempt);
  Peer& peer = attempt.peer();
  const TryOutcome outcome = outcome_of(error.kind, attempt.facts(), error.sent);
  state_.context.counters.upstream_failures.add();
  InFlight held = std::move(lane.in_flight);  // past the attempt, for another one at the same peer
  end_lane(lane);
  if (error.kind == AttemptFailure::request_body) return owner_.on_failed(error.error);

  const RetryVerdict verdict = decide_retry({.outcome = outcome,
                                             .idempotent = is_idempotent(),
                                             .body_at_hand = body_at_hand(),
                                             .tries = tries_,
                                             .replaced = replaced_at_ == peer.number()},
                                            *conf_);
  using Kind = TryOutcome::Kind;
  if (verdict == RetryVerdict::replace || outcome.kind == Kind::unconnected) --tries_;
  if (verdict == RetryVerdict::replace) {
    replaced_at_ = peer.number();
    return begin(std::move(held), connect_time_left(), true);
  }
  held.reset();
  log_error(state_, error.error, log::Level::error);
  if (outcome.kind == Kind::unconnected) {  // the connector has told the group
    state_.context.counters.upstream_connect_failures.add();
    picker_->avoid(peer);
  } else if (outcome.kind != Kind::ours && outcome.kind != Kind::stale) {
    group_->failed(peer, failure_of(error.kind));
  }
  last_status_ = status_of(error.kind);
  if (other(lane).is_trying()) return note_earlier(attempt.facts(), last_status_);
  if (!prepare(verdict)) return owner_.on_no_answer(last_status_);
  note_earlier(attempt.facts(), last_status_);
  launch();
}

bool Tries::body_at_hand() const {
  if (!state_.traits.framing.has_body()) return true;
  return replay_ != nullptr ? replay_->is_whole() : state_.client.body_untouched();
}

BodySink& Tries::on_response(Attempt& attempt, ResponseHead& head, const BodyFraming& framing) {
  Lane& lane = lane_of(attempt);
  count_answer(attempt, head.status);
  if (head.status >= 400 && (conf_->on & retry_bit(head.status)) != 0 &&
      hold_back(lane, head.status))
    return swallow_;
  take_answer(lane, head);
  if (replay_ != nullptr) replay_->settle();
  return owner_.on_answer(attempt, head, framing);
}

void Tries::count_answer(Attempt& attempt, std::uint16_t status) {
  attempt.peer().answered(until_head(attempt.facts()), status);
  lane_of(attempt).blamed = group_->answered(attempt.peer(), status);
}

// No other will come.
void Tries::take_answer(Lane& lane, const ResponseHead& head) {
  timer_.cancel();
  waiting_ = Waiting::nothing;
  if (Lane& late = other(lane); late.attempt != nullptr) {
    const std::uint16_t status = late.held_back;
    if (status == 0) {
      late.attempt->peer().outrun(std::chrono::duration_cast<std::chrono::microseconds>(
          clock::now() - late.attempt->facts().started));
    }
    end_lane(late);
    note_earlier(state_.last_try, status);
  }
  state_.last_try = lane.attempt->facts();
  state_.upstream_status = head.status;
}

void Tries::on_upgrade(Attempt& attempt, ResponseHead& head, std::string_view protocol,
                       std::unique_ptr<Transport> transport, std::string_view early) {
  Lane& lane = lane_of(attempt);
  count_answer(attempt, head.status);
  take_answer(lane, head);
  InFlight in_flight = std::move(lane.in_flight);
  end_lane(lane);
  owner_.on_upgrade(attempt, head, protocol, std::move(transport), early, std::move(in_flight));
}

// True: the client does not get this answer. It is the last one where no other try follows.
bool Tries::hold_back(Lane& lane, std::uint16_t status) {
  if (!other(lane).is_trying()) {
    const RetryVerdict verdict = decide_retry({.outcome = {TryOutcome::Kind::answer, true, status},
                                               .idempotent = is_idempotent(),
                                               .body_at_hand = body_at_hand(),
                                               .tries = tries_},
                                              *conf_);
    if (!prepare(verdict)) return false;
    launching_ = true;
  }
  last_status_ = lane.held_back = status;
  stop_feeding();
  lane.attempt->set_source(nullptr);
  swallow_.refill();
  after_turn_.schedule();
  return true;
}

void Tries::on_done(Attempt& attempt) {
  Lane& lane = lane_of(attempt);
  const std::uint16_t held_back = lane.held_back;
  end_lane(lane);
  if (held_back != 0) note_earlier(state_.last_try, held_back);
}

// What came of the answers that were held back has been read away; the rest goes with its
// connection.
void Tries::after_turn() {
  for (Lane& lane : lanes_) {
    if (lane.held_back == 0 || lane.attempt == nullptr) continue;
    const std::uint16_t status = lane.held_back;
    end_lane(lane);
    note_earlier(state_.last_try, status);
  }
  if (std::exchange(launching_, false)) launch();
}

void Tries::abort_body(Error why) {
  for (const Lane& lane : lanes_) {
    if (lane.attempt != nullptr) lane.attempt->abort(why);
  }
}

void Tries::answer_failed(const Error& why) {
  if (why.side != Side::upstream) return;
  for (Lane& lane : lanes_) {
    // A try is one failure, whatever else comes of it.
    if (lane.attempt != nullptr && !lane.blamed) group_->failed(lane.attempt->peer());
  }
}

}  // namespace weir
