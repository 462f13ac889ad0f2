#include "proxy/cache_stage.h"

#include <cassert>
#include <utility>

#include "base/clock.h"
#include "cache/field_block.h"
#include "cache/validation.h"
#include "proxy/cache_key.h"
#include "proxy/cache_plan.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/refresher.h"
#include "proxy/worker_context.h"

namespace weir {

using cache::Found;
using cache::Word;

namespace {

// Who is sent back to look again finds what it waited for, or leads; so often it has had bad luck.
constexpr unsigned looks_max = 4;

}  // namespace

CacheStage::CacheStage(Exchange& exchange, const CachePlan& plan)
    : exchange_(exchange),
      state_(exchange.state()),
      plan_(plan),
      sink_(static_cast<FillOwner&>(*this)),
      body_(state_.context.loop, static_cast<StoredBodyOwner&>(*this)),
      patience_(
          state_.context.loop, [](void* self) { static_cast<CacheStage*>(self)->wait_over(); },
          this),
      overflowed_(
          state_.context.loop, [](void* self) { static_cast<CacheStage*>(self)->after_overflow(); },
          this) {}

bool CacheStage::begin() {
  cache::RequestSigns signs;
  signs.bypass = any_set(state_, *plan_.conf->bypass);
  signs.upgrade = !state_.traits.upgrade.empty();
  signs.has_body = state_.traits.framing.has_body();
  request_ = cache::plan_request(state_.request(), plan_.rules, signs);
  CacheTrace& trace = state_.cache;
  trace.word = cache::word_of_forwarded(request_);
  trace.status.forward = request_.forward;
  trace.status.detail = request_.detail;
  if (request_.keyed_by_body) request_.looks_up = request_.stores = false;
  if (!request_.looks_up && !request_.stores) return pass();
  no_store_ = any_set(state_, *plan_.conf->no_store);
  const std::string_view text = cache_key_text(state_);
  if (state_.arena().exhausted()) return pass();  // the answer would not have room either
  primary_ = plan_.store->key(text);
  return request_.looks_up ? look() : miss();
}

bool CacheStage::pass() {
  role_ = Role::passing;
  return false;
}

bool CacheStage::look() {
  role_ = Role::looking;
  ++looks_;
  variant_ = {};
  mark_ = {};
  mark_is_soft_ = false;
  Found found = plan_.store->find(primary_);
  if (found.kind == Found::Kind::vary) {
    mark_ = state_.arena().copy(found.reader.fields());
    mark_is_soft_ = found.reader.soft_purged();
    const std::string_view text = variant_key_text(state_, primary_.text, mark_);
    if (state_.arena().exhausted()) return pass();
    variant_ = plan_.store->key(text);
    found = plan_.store->find(variant_);
    state_.cache.status.forward = cache::Forward::vary_miss;
  } else {
    state_.cache.status.forward = cache::Forward::uri_miss;
  }
  switch (found.kind) {
    case Found::Kind::answer: return use(std::move(found.reader));
    case Found::Kind::pass: state_.cache.status.detail = "not storable a moment ago"; return pass();
    case Found::Kind::vary:  // a variant has none
    case Found::Kind::nothing: break;
  }
  return miss();
}

bool CacheStage::use(cache::Reader reader) {
  // A soft purge of the URI speaks of all its variants.
  const bool soft = reader.soft_purged() || mark_is_soft_;
  verdict_ = cache::judge_stored(reader.facts(), request_, soft, clock::wall_ms());
  // Whoever refreshes has come because it is stale.
  const bool served_stale = verdict_.reuse == cache::Reuse::stale_while_revalidate;
  switch (state_.refreshes && served_stale ? cache::Reuse::validate : verdict_.reuse) {
    case cache::Reuse::fresh: return serve(std::move(reader), Word::hit);
    case cache::Reuse::stale: return serve(std::move(reader), Word::stale);
    case cache::Reuse::stale_while_revalidate:
      Refresher::begin(state_);  // where there are too many, a later one will
      return serve(std::move(reader), Word::updating);
    case cache::Reuse::validate: stored_ = std::move(reader); break;
    case cache::Reuse::unusable: break;
  }
  note(verdict_);
  return miss();
}

bool CacheStage::miss() {
  if (request_.control.only_if_cached) {
    exchange_.fail(trouble(Trouble::only_if_cached));
    return true;
  }
  if (stored_ && request_.renews) request_.stores = true;
  // HEAD asks for no body, and so has nothing to store.
  const bool stores = request_.stores && !no_store_ && state_.request().method == Method::get;
  if (!stores) return pass();
  const std::uint32_t wanted = *plan_.conf->min_uses;
  if (wanted > 1 && !stored_ && plan_.store->count_use(key()) < wanted) {
    state_.cache.status.detail = "min_uses";
    return pass();
  }
  return join();
}

bool CacheStage::join() {
  cache::Joined joined = plan_.store->join(key(), *this, clock::wall_ms());
  if (joined.fill) return lead(std::move(joined.fill));
  if (!joined.follower) return alone();
  // Whoever refreshes is not needed where another does, nor is anybody kept waiting without `lock`.
  if (state_.refreshes) {
    exchange_.drop();
    return true;
  }
  if (!*plan_.conf->lock || looks_ > looks_max) return alone();
  follower_ = std::move(joined.follower);
  role_ = Role::waiting;
  patience_.arm(*plan_.conf->lock_timeout);
  return follow();
}

// Nobody can follow; what is stored is validated all the same.
bool CacheStage::alone() { return stored_ ? lead({}) : pass(); }

bool CacheStage::lead(cache::Fill fill) {
  fill_ = std::move(fill);
  role_ = Role::leading;
  return false;
}

// The client's own conditions and ranges are for us to judge, against the whole.
void CacheStage::before_asking() {
  asked_at_ = clock::wall_ms();
  Fields& fields = state_.memory.to_origin.fields;
  if (role_ == Role::resuming || role_ == Role::passing) return;
  cache::ask_for_all(fields);
  state_.traits.framing = {};  // it has no body; a Content-Length: 0 the key would know nothing of
  if (!stored_) return;
  ResponseHead stored;
  if (!cache::read_field_block(stored_.fields(), true, stored)) {
    stored_ = {};
    return;
  }
  validates_ = cache::add_conditions(stored, fields);
}

// --- behind another request

void CacheStage::go_on(bool waits) {
  if (!waits) exchange_.ask_peers();
}

void CacheStage::wait_over() {
  follower_ = {};
  state_.cache.status.detail = "waited for lock_timeout";
  pass();
  go_on(false);
}

void CacheStage::on_fill_news(cache::Follower&) {
  if (serving_) return body_.more();
  go_on(follow());
}

bool CacheStage::follow() {
  using State = cache::Follower::State;
  switch (follower_.state()) {
    case State::waiting: return true;
    case State::growing:
    case State::complete:
      patience_.cancel();
      state_.cache.status.collapsed = true;
      // Taken out of the follower: whoever takes over after a death begins another.
      if (!serve(std::move(follower_.reader()), Word::hit)) return false;
      body_.more();
      return true;
    case State::orphaned:
      if (cache::Fill fill = follower_.take_over()) {
        patience_.cancel();
        follower_ = {};
        return lead(std::move(fill));
      }
      return true;
    case State::failed:
    case State::look_again: break;
    case State::pass:
      patience_.cancel();
      follower_ = {};
      return pass();
  }
  patience_.cancel();
  follower_ = {};
  return look();
}

// --- the end

bool CacheStage::goes_on_alone() {
  body_.stop();
  patience_.cancel();
  follower_ = {};
  alone_ = role_ == Role::leading && (fill_ || sink_.filling());
  return alone_;
}

void CacheStage::stop() {
  alone_ = false;
  body_.stop();
  patience_.cancel();
  overflowed_.cancel();
  follower_ = {};
  if (fill_) fill_.abandon();
}

}  // namespace weir
