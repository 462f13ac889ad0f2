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
// The mark of the variants, the variant, and once more.
constexpr unsigned disk_looks_max = 3;
// So long a request waits for the disk; then it goes on as if nothing was there.
constexpr std::chrono::milliseconds disk_patience{500};

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
  if (is_purge(state_)) return purge();
  cache::RequestSigns signs;
  signs.bypass = any_set(state_, *plan_.conf->bypass);
  signs.upgrade = !state_.traits.upgrade.empty();
  signs.has_body = state_.traits.framing.has_body();
  request_ = cache::plan_request(state_.request(), plan_.rules, signs);
  CacheTrace& trace = state_.cache;
  trace.word = cache::word_of_forwarded(request_);
  trace.status.forward = request_.forward;
  trace.status.detail = request_.detail;
  if (!request_.looks_up && !request_.stores) return pass();
  no_store_ = any_set(state_, *plan_.conf->no_store);
  return request_.keyed_by_body ? read_body() : begin_with(cache_key_text(state_));
}

bool CacheStage::begin_with(std::string_view key_text) {
  if (state_.arena().exhausted()) return pass();  // the answer would not have room either
  primary_ = plan_.store->key(key_text);
  return request_.looks_up ? look() : miss();
}

bool CacheStage::read_body() {
  if (state_.location->group == nullptr) return pass();
  post_ = std::make_unique<PostBody>(
      state_, plan_.conf->post_body_max_size->bytes,
      [](void* self) { static_cast<CacheStage*>(self)->on_body(); }, this);
  post_->start();
  return true;
}

void CacheStage::on_body() {
  std::string_view text;
  if (post_->usable()) {
    std::string& key = state_.memory.text;
    key.assign(cache_key_text(state_));
    post_->append_key(key);
    text = state_.memory.take_text();
  }
  exchange_.keep_body(post_->take());
  if (!text.empty()) return go_on(begin_with(text));
  state_.cache.status.detail = "body";
  pass();
  go_on(false);
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
  seen_ = 0;
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
    case Found::Kind::answer:
      if (from_disk_) state_.cache.status.detail = "disk";
      return use(std::move(found.reader));
    case Found::Kind::pass: state_.cache.status.detail = "not storable a moment ago"; return pass();
    case Found::Kind::vary:  // a variant has none
    case Found::Kind::nothing: break;
  }
  from_disk_ = false;
  return ask_disk() ? follow() : miss();
}

bool CacheStage::use(cache::Reader reader) {
  // A soft purge of the URI speaks of all its variants.
  const bool soft = reader.soft_purged() || mark_is_soft_;
  seen_ = reader.stored_seq();
  verdict_ = cache::judge_stored(reader.facts(), request_, soft, clock::wall_ms());
  // Whoever refreshes has come because it is stale. A POST can't be asked behind the client's back.
  const bool served_stale = verdict_.reuse == cache::Reuse::stale_while_revalidate;
  const bool asks_itself = state_.refreshes || request_.keyed_by_body;
  switch (asks_itself && served_stale ? cache::Reuse::validate : verdict_.reuse) {
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
  const bool stores = request_.stores && !no_store_ && state_.request().method != Method::head;
  if (!stores) return pass();
  const std::uint32_t wanted = *plan_.conf->min_uses;
  if (wanted > 1 && !stored_ && plan_.store->count_use(key()) < wanted) {
    state_.cache.status.detail = "min_uses";
    return pass();
  }
  return join();
}

bool CacheStage::join() {
  const bool may_look = request_.looks_up && looks_ <= looks_max;
  cache::Joined joined =
      plan_.store->join(key(), *this, may_look ? std::optional(seen_) : std::nullopt);
  if (joined.look_again) return look();
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
  // Without a body: the key would know nothing of a Content-Length: 0.
  if (!request_.keyed_by_body) state_.traits.framing = {};
  asked_slice_.reset();
  if (asks_for_slices()) {
    const std::uint64_t size = plan_.conf->slice->bytes;
    asked_slice_ = first_slice_wanted(state_.request().fields, size);
    ask_for_range(state_, {*asked_slice_ * size, (*asked_slice_ + 1) * size - 1}, {});
  }
  // A condition would make a POST fail, not spare its answer (RFC 9110 13.1.2).
  if (!stored_ || request_.keyed_by_body) return;
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
  if (waits_for_disk_) {
    waits_for_disk_ = false;
    disk_looks_ = disk_looks_max;
    follower_.give_up();
    follower_ = {};
    return go_on(look());
  }
  if (waits_for_copy_) return go_on(copy_wait_over());
  follower_ = {};
  state_.cache.status.detail = "waited for lock_timeout";
  pass();
  go_on(false);
}

void CacheStage::on_fill_news(cache::Follower&) {
  if (serving_) return more();
  go_on(follow());
}

// True: it may come from there, and follower_ waits for it.
bool CacheStage::ask_disk() {
  if (disk_looks_ == disk_looks_max) return false;
  follower_ = plan_.store->fetch(key(), *this);
  if (!follower_) return false;
  ++disk_looks_;
  waits_for_disk_ = true;
  role_ = Role::waiting;
  patience_.arm(disk_patience);
  return true;
}

// What came from the disk is judged like all that is found: it may be stale, or purged softly.
bool CacheStage::follow_disk() {
  const cache::Follower::State state = follower_.state();
  if (state == cache::Follower::State::waiting) return true;
  patience_.cancel();
  waits_for_disk_ = false;
  follower_ = {};
  if (state == cache::Follower::State::pass) return pass();
  from_disk_ = state == cache::Follower::State::look_again;
  --looks_;  // nobody had bad luck
  return look();
}

bool CacheStage::follow() {
  using State = cache::Follower::State;
  if (waits_for_disk_) return follow_disk();
  if (waits_for_copy_) return follow_copy();
  switch (follower_.state()) {
    case State::waiting: return true;
    case State::growing:
      // Of a map nothing can be read before it is whole, which is at once.
      if ((follower_.reader().facts().flags & cache::fact::sliced) != 0) return true;
      [[fallthrough]];
    case State::complete: return read_along();
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

bool CacheStage::read_along() {
  patience_.cancel();
  const std::string_view why_not = cache::refuses_to_share(follower_.reader().facts(), request_);
  if (!why_not.empty()) {
    state_.cache.status.detail = why_not;
    follower_ = {};
    return alone();
  }
  state_.cache.status.collapsed = true;
  // Taken out of the follower: whoever takes over after a death begins another.
  if (!serve(std::move(follower_.reader()), Word::hit)) return false;
  more();
  return true;
}

// --- the end

bool CacheStage::goes_on_alone() {
  if (post_ != nullptr) post_->stop();
  body_.stop();
  if (slices_ != nullptr) slices_->stop();
  patience_.cancel();
  follower_ = {};
  alone_ = role_ == Role::leading && (fill_ || sink_.filling());
  // A copy is the next one's as well.
  if (!alone_ && copy_ != nullptr && copy_->making())
    alone_ = serving_.progress() == cache::Reader::Progress::complete;
  else if (copy_ != nullptr)
    copy_->stop();
  return alone_;
}

void CacheStage::stop() {
  alone_ = false;
  if (post_ != nullptr) post_->stop();
  body_.stop();
  if (slices_ != nullptr) slices_->stop();
  patience_.cancel();
  overflowed_.cancel();
  copy_fill_ = {};
  if (copy_ != nullptr) copy_->stop();
  follower_ = {};
  if (fill_) fill_.abandon();
}

}  // namespace weir
