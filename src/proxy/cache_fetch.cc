// CacheStage, second part: what the peers' answer means for the cache, and its way into it.
#include <array>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "cache/field_block.h"
#include "cache/invalidation.h"
#include "cache/key.h"
#include "cache/storable.h"
#include "cache/tags.h"
#include "cache/validation.h"
#include "http/conditional.h"
#include "http/ranges.h"
#include "proxy/cache_key.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/worker_context.h"

namespace weir {

using cache::Word;

namespace {

// So long nobody waits behind a request whose answer can't be stored; behind an error, shorter.
constexpr std::int64_t pass_ms = 10'000, pass_error_ms = 1'000;

// What is stored stays what it is, whatever is said of it anew.
void keep_sliced(const cache::Reader& stored, cache::Facts& facts) {
  if ((stored.facts().flags & cache::fact::sliced) != 0) facts.flags |= cache::fact::sliced;
}

}  // namespace

// Of the answer that has just come, where it has none of its own (RFC 9110 6.6.1).
std::string_view CacheStage::date() const { return state_.context.date.text(clock::wall()); }

BodySink* CacheStage::on_answer(ResponseHead& received, std::optional<std::uint64_t> length,
                                Peer& peer) {
  if (role_ == Role::resuming) return on_rest(received, length);
  state_.cache.status.forward_status = received.status;
  // Of a POST that may be a question its answer tells whether it was one.
  if (role_ != Role::leading || !request_.keyed_by_body) invalidate(received, false);
  if (role_ != Role::leading) {
    if (state_.request().method == Method::head) learn_from_head(received, length);
    return nullptr;
  }
  if (validates_ && received.status == 304) return on_not_modified(received);
  if (stored_ && verdict_.stale_on_error && cache::is_origin_error(received.status)) {
    exchange_.end_sources();
    on_no_answer();
    return &exchange_.refusal();
  }
  if (asked_slice_ && (received.status == 206 || received.status == 416))
    return on_slice(received, length, peer);
  return store(received, length, peer);
}

bool CacheStage::on_no_answer() {
  if (role_ == Role::resuming) {
    state_.client.abort(trouble(Trouble::fill_lost));
    return true;
  }
  const bool covered = role_ == Role::leading && stored_ && verdict_.stale_on_error;
  // Who waits asks for itself for a moment, or finds what is stale, too.
  if (fill_) {
    if (covered) {
      fill_.look_again();
    } else {
      fill_.pass(clock::wall_ms() + pass_error_ms);
    }
    fill_ = {};
  }
  if (alone_) {
    exchange_.fetch_over();
    return true;
  }
  if (!covered) return false;
  return serve(std::move(stored_), Word::stale);
}

// RFC 9111 4.3.3, 4.3.4.
BodySink* CacheStage::on_not_modified(const ResponseHead& received) {
  const std::int64_t now = clock::wall_ms();
  ResponseHead stored, merged;
  if (!cache::read_field_block(stored_.fields(), true, stored) ||
      !cache::selects(stored, received, now)) {
    stored_ = {};
    validates_ = false;
    Fields& fields = state_.memory.to_origin.fields;
    fields.remove(FieldId::if_none_match);
    fields.remove(FieldId::if_modified_since);
    exchange_.ask_again();
    return &exchange_.refusal();
  }
  stored.status = stored_.facts().status;
  cache::merge_not_modified(stored, received, merged);
  auto storing = cache::judge_answer(request_, merged, plan_.rules, {asked_at_, now}, no_store_);
  keep_sliced(stored_, storing.facts);
  std::string& block = state_.memory.text;
  block.clear();
  cache::Reader reader;
  if (!storing.stores) {
    plan_.store->remove(key());
  } else if (cache::write_field_block(merged, storing.control, block, date()) &&
             plan_.store->freshen(key(), stored_, storing.facts, block)) {
    reader = std::move(plan_.store->find(key()).reader);
  }
  fill_.look_again();
  fill_ = {};
  state_.cache.status.stored = storing.stores;
  if (alone_) {
    exchange_.fetch_over();
  } else if (!serve(reader ? std::move(reader) : std::move(stored_), Word::revalidated)) {
    exchange_.fail(trouble(Trouble::stored_damaged));
  }
  return &exchange_.refusal();
}

BodySink* CacheStage::store(ResponseHead& received, std::optional<std::uint64_t> length,
                            Peer& peer) {
  const std::int64_t now = clock::wall_ms();
  // `no_store` may speak of what the origin says.
  no_store_ = any_set(state_, *plan_.conf->no_store);
  const auto storing =
      cache::judge_answer(request_, received, plan_.rules, {asked_at_, now}, no_store_);
  const bool too_large = length && *length > plan_.conf->max_object_size->bytes;
  if (request_.keyed_by_body) invalidate(received, storing.stores);
  if (!storing.stores || too_large) {
    state_.cache.status.detail = too_large ? "larger than max_object_size" : storing.why_not;
    // The origin has another answer now; an error says nothing of the stored one (RFC 9111 4.3.3).
    if (stored_ && received.status < 500) plan_.store->remove(key());
    end_fill(received.status, now);
  } else if (begin_fill(received, storing, length)) {
    cache::Reader reader = fill_.reader();
    sink_.start(std::move(fill_));
    state_.cache.status.stored = true;
    if (!alone_ && wants_less_than_all()) {
      held_back_ = std::move(reader);
      held_back_peer_ = &peer;
    } else if (!alone_) {
      serve(std::move(reader), state_.cache.word, &peer);
    }
    return &sink_;
  }
  fill_ = {};
  role_ = Role::passing;
  if (!alone_) return nullptr;
  exchange_.fetch_over();
  return &exchange_.refusal();
}

// Whether others wait for each other at this key depends on what the answer says of the resource:
// not on what a client can bring about for all by a request of its own (credentials, a malformed
// field).
void CacheStage::end_fill(std::uint16_t status, std::int64_t now) {
  if (cache::is_origin_error(status)) {
    fill_.pass(now + pass_error_ms);
  } else if (request_.authorized || (status >= 400 && status != 404 && status != 410)) {
    fill_.look_again();
  } else {
    fill_.pass(now + pass_ms);
  }
}

bool CacheStage::begin_fill(const ResponseHead& received, const cache::Storing& storing,
                            std::optional<std::uint64_t> length) {
  const cache::Tags tags = cache::tags_of(received.fields);
  std::string& text = state_.memory.text;
  text.clear();
  const cache::Varies varies = cache::vary_names(received.fields, text);
  if (tags.too_many() || varies == cache::Varies::unusable) return false;
  const std::string_view names = state_.memory.take_text();
  cache::Key variant{};
  std::string_view mark;
  if (varies == cache::Varies::by_fields) {
    if (variant_.text.empty()) {
      mark = variants_mark(state_, names);
      variant = plan_.store->key(variant_key_text(state_, primary_.text, mark));
    } else if (names != names_of(mark_)) {
      // Its variants are told apart by other fields from now on.
      plan_.store->remove(primary_);
      return false;
    }
  }
  std::array<std::uint64_t, cache::Tags::tags_max + 1> hashes;
  std::size_t count = 0;
  if (request_.keyed_by_body) hashes[count++] = posts_tag(state_, primary_.text);
  for (const std::string_view tag : tags.all()) hashes[count++] = cache::Store::tag_hash(tag);
  text.clear();
  if (state_.arena().exhausted() ||
      !cache::write_field_block(received, storing.control, text, date()))
    return false;
  if (!fill_.begin(storing.facts, text, length, {hashes.data(), count},
                   variant.text.empty() ? nullptr : &variant, mark))
    return false;
  if (!variant.text.empty()) {  // that is where it is from now on
    variant_ = variant;
    mark_ = mark;
  }
  return true;
}

// RFC 9111 4.3.5: another representation than the stored one makes that doubtful, the same keeps it
// fresh.
void CacheStage::learn_from_head(const ResponseHead& received,
                                 std::optional<std::uint64_t> length) {
  ResponseHead stored, merged;
  if (!stored_ || received.status != 200 ||
      !cache::read_field_block(stored_.fields(), true, stored)) {
    return;
  }
  stored.status = stored_.facts().status;
  const std::int64_t now = clock::wall_ms();
  switch (cache::effect_of_head(stored, whole_length(stored_), received, length, now)) {
    case cache::HeadEffect::none: return;
    case cache::HeadEffect::invalidates: plan_.store->remove(key()); return;
    case cache::HeadEffect::freshens: break;
  }
  cache::merge_not_modified(stored, received, merged);
  cache::RequestPlan get = request_;
  get.stores = true;
  auto storing = cache::judge_answer(get, merged, plan_.rules, {asked_at_, now}, no_store_);
  keep_sliced(stored_, storing.facts);
  std::string& block = state_.memory.text;
  block.clear();
  if (storing.stores && cache::write_field_block(merged, storing.control, block, date()))
    plan_.store->freshen(key(), stored_, storing.facts, block);
}

// RFC 9111 4.4: what was stored for these is not to be believed after an unsafe request. A POST
// whose answer says how long it is fresh (RFC 9110 9.3.3), at a place that cache_methods calls one
// of questions, has left the answers to other questions as they were: of its own URI only what GET
// gets is asked for anew.
void CacheStage::invalidate(const ResponseHead& received, bool changed_nothing) {
  const RequestHead& request = state_.request();
  for (const std::string& uri : cache::invalidated_by(request, state_.scheme, received)) {
    const std::string_view text = cache_key_text(state_, uri);
    if (text.empty()) continue;
    if (changed_nothing && uri == request.request_uri) {
      plan_.store->purge(plan_.store->key(text), false);
    } else {
      purge_uri(plan_, state_, text, false);
    }
  }
}

// --- while it comes

// A 304 or a part of it would be out before the whole has come, and the fetch would end with it.
bool CacheStage::wants_less_than_all() const {
  const Fields& fields = state_.request().fields;
  return fields.has(FieldId::if_none_match) || fields.has(FieldId::if_modified_since) ||
         fields.has(FieldId::range);
}

void CacheStage::serve_held_back() {
  if (held_back_ && !alone_) serve(std::move(held_back_), state_.cache.word, held_back_peer_);
}

void CacheStage::on_filled() {
  serve_held_back();
  more();
  exchange_.fetch_over();
}

void CacheStage::on_fill_lost(Error why) {
  lost_ = why;
  exchange_.peer_failed(why);
  if (alone_) return exchange_.fetch_over();
  serve_held_back();
  more();
}

void CacheStage::after_overflow() {
  if (alone_) return exchange_.fetch_over();
  if (slices_ != nullptr) {  // it goes on from where the slice ended, or not at all
    exchange_.end_tries();
    return more();
  }
  state_.cache.status.stored = false;
  serve_held_back();
  more();
}

void CacheStage::on_stored_end(std::uint64_t position) {
  if (slices_ != nullptr) {
    if (!resume_slices(position)) state_.client.abort(trouble(Trouble::fill_lost));
    return;
  }
  if (copy_ != nullptr) {
    if (copy_->overflowing()) return copy_->go_direct(&state_.client);
    return state_.client.abort(copy_->lost());
  }
  if (role_ == Role::leading && sink_.overflowing()) return sink_.go_direct(&onward());
  if (role_ == Role::leading) return state_.client.abort(lost_);
  if (!resume_from(position)) state_.client.abort(trouble(Trouble::fill_lost));
}

// What was followed is lost, and part of it has reached the client: the rest may only come from the
// same representation (RFC 9110 13.1.5, 15.3.7.3).
bool CacheStage::resume_from(std::uint64_t position) {
  if ((serving_.facts().flags & cache::fact::strong_etag) == 0 || in_parts_) return false;
  if (request_.keyed_by_body) return false;
  ResponseHead stored;
  if (!cache::read_field_block(serving_.fields(), true, stored)) return false;
  etag_ = state_.arena().copy(stored.fields.value(FieldId::etag));
  std::string& text = state_.memory.text;
  text.assign("bytes=");
  text.append(std::to_string(position)).push_back('-');
  Fields& fields = state_.memory.to_origin.fields;
  cache::ask_for_all(fields);
  fields.set(FieldId::range, state_.memory.take_text());
  fields.set(FieldId::if_range, etag_);
  if (etag_.empty() || state_.arena().exhausted()) return false;
  rest_from_ = position;
  role_ = Role::resuming;
  follower_ = {};
  exchange_.ask_peers();
  return true;
}

// All of what is missing, of the same representation.
bool CacheStage::is_rest_of_whole(const ResponseHead& received) const {
  const auto part = parse_content_range(received.fields.value(FieldId::content_range));
  return received.status == 206 && part && part->range.first == rest_from_ &&
         part->range.last + 1 == part->total &&
         part->total == serving_.length().value_or(part->total) &&
         received.fields.value(FieldId::etag) == etag_;
}

// Nobody behind us misses what does not come: where a body ends that is coded, or came chunked, is
// told by its end alone. So the framing must state the length that Content-Range says.
BodySink* CacheStage::on_rest(const ResponseHead& received, std::optional<std::uint64_t> length) {
  const bool same = slices_ != nullptr ? is_rest_of_slices(received) : is_rest_of_whole(received);
  const auto part = parse_content_range(received.fields.value(FieldId::content_range));
  if (same && length == part->range.size()) return &onward();
  exchange_.end_sources();
  state_.client.abort(trouble(Trouble::fill_lost));
  return &exchange_.refusal();
}

}  // namespace weir
