// CacheStage, fourth part: a large answer in slices. The first slice that a client wants is asked
// for in place of the whole, and tells what there is; from then on what is served is read from
// slices (slices.h), whoever fetches them.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "cache/field_block.h"
#include "cache/storable.h"
#include "http/status.h"
#include "proxy/cache_key.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/worker_context.h"

namespace weir {

// The map needs a fill of its own, and the next one who asks finds it.
bool CacheStage::asks_for_slices() const {
  return plan_.rules.slices && fill_ && !request_.keyed_by_body;
}

// 206 or 416 to the Range that was ours.
BodySink* CacheStage::on_slice(ResponseHead& received, std::optional<std::uint64_t> length,
                               Peer& peer) {
  const std::uint64_t size = plan_.conf->slice->bytes;
  if (received.status == 416) {
    if (*asked_slice_ == 0) return ask_as_it_came();
    // The client wants what is behind the end: where that is, the first slice tells.
    asked_slice_ = 0;
    ask_for_range(state_, {0, size - 1}, {});
    exchange_.ask_again();
    return &exchange_.refusal();
  }
  const std::uint64_t first = *asked_slice_ * size;
  const auto part = parse_content_range(received.fields.value(FieldId::content_range));
  const bool is_asked = part && part->range.first == first &&
                        part->range.last == std::min(first + size, part->total) - 1 &&
                        length.value_or(part->range.size()) == part->range.size();
  if (!is_asked) return ask_as_it_came();
  // From here on it is the head of the whole.
  received.status = 200;
  received.reason = reason_phrase(received.status);
  received.fields.remove(FieldId::content_range);
  if (part->is_all()) return store(received, part->total, peer);
  const std::int64_t now = clock::wall_ms();
  no_store_ = any_set(state_, *plan_.conf->no_store);
  const auto storing =
      cache::judge_answer(request_, received, plan_.rules, {asked_at_, now}, no_store_);
  if (!storing.stores || !SliceValidator::of(received.fields, now).is_usable) {
    state_.cache.status.detail = storing.stores ? "no strong validator" : storing.why_not;
    return ask_as_it_came();
  }
  return begin_slices(received, storing, part->total, peer);
}

// Nothing of it can be stored, or not in slices: for a while all that ask get what they ask for.
BodySink* CacheStage::ask_as_it_came() {
  if (stored_) plan_.store->remove(key());
  if (fill_) end_fill(200, clock::wall_ms());
  fill_ = {};
  sink_.give_up();
  stored_ = {};
  asked_slice_.reset();
  role_ = Role::passing;
  if (alone_ || state_.refreshes) {
    if (alone_) {
      exchange_.fetch_over();
    } else {
      exchange_.drop();
    }
    return &exchange_.refusal();
  }
  Fields& fields = state_.memory.to_origin.fields;
  cache::ask_for_all(fields);
  for (const Field& field : state_.request().fields) {
    switch (field.id) {
      case FieldId::range:
      case FieldId::if_range:
      case FieldId::if_none_match:
      case FieldId::if_modified_since: fields.add(field); break;
      default: break;
    }
  }
  exchange_.ask_again();
  return &exchange_.refusal();
}

BodySink* CacheStage::begin_slices(ResponseHead& received, cache::Storing storing,
                                   std::uint64_t total, Peer& peer) {
  const SliceMap map{total, plan_.conf->slice->bytes, std::string(state_.request_id.text())};
  const std::string text = map.text();
  storing.facts.flags |= cache::fact::sliced;
  // Before anybody can know of it: else another would fetch it, too.
  const bool fills = !state_.refreshes && begin_own_slice(map);
  if (!begin_fill(received, storing, text.size())) return ask_as_it_came();
  cache::Reader reader = fill_.reader();
  if (!fill_.append(text)) return ask_as_it_came();
  fill_.commit();  // where it can't be kept, it is there for us
  fill_ = {};
  state_.cache.status.stored = true;
  if (state_.refreshes) {
    exchange_.drop();
    return &exchange_.refusal();
  }
  if (!fills) exchange_.end_tries();
  if (!alone_) {
    serve(std::move(reader), state_.cache.word, &peer);
  } else if (!fills) {
    exchange_.fetch_over();
  }
  if (fills) return &sink_;
  return &exchange_.refusal();
}

bool CacheStage::begin_own_slice(const SliceMap& map) {
  std::string key;
  map.append_slice_key(primary_.text, *asked_slice_, key);
  cache::Joined joined = plan_.store->join(plan_.store->key(key), *this, clock::wall_ms());
  const std::uint64_t size = map.range_of(*asked_slice_).size();
  if (!joined.fill || !joined.fill.begin(slice_facts(), {}, size, {})) return false;
  sink_.start(std::move(joined.fill));
  return true;
}

// --- serving

bool CacheStage::open_slices(const ResponseHead& head) {
  auto map = map_of(serving_);
  if (!map) return false;
  const auto validator = SliceValidator::of(head.fields, clock::wall_ms());
  SlicedAnswer answer{std::string(primary_.text),
                      std::string(key().text),
                      std::move(*map),
                      std::string(validator.etag),
                      std::string(validator.last_modified),
                      validator.etag_is_strong};
  slices_ =
      std::make_unique<Slices>(state_, plan_, std::move(answer), static_cast<SlicesOwner&>(*this));
  return true;
}

// What has its head from the store is no hit where its first bytes are still to be fetched.
void CacheStage::note_missing_slice(std::span<const StoredBody::Part> parts) {
  std::uint64_t end = 0;
  for (const StoredBody::Part& part : parts) end = std::max(end, part.to);
  slices_->want_until(std::min(end, *slices_->length()));
  CacheTrace& trace = state_.cache;
  const StoredBody::Part& first = parts.front();
  if (trace.word != cache::Word::hit || first.from >= first.to) return;
  if (slices_->is_stored(first.from)) return;
  trace.word = cache::Word::miss;
  trace.status.hit = false;
  trace.status.forward = cache::Forward::partial;
}

// A slice is lost: the rest comes straight from the origin, if it is of the same version still.
bool CacheStage::resume_slices(std::uint64_t position) {
  slices_->stop();
  if (parts_.size() > 1) return false;
  sink_.give_up();
  exchange_.end_tries();
  rest_from_ = position;
  rest_to_ = (parts_.empty() ? *slices_->length() : parts_.front().to) - 1;
  ask_for_range(state_, {rest_from_, rest_to_}, slices_->answer().validator().condition());
  if (state_.arena().exhausted()) return false;
  role_ = Role::resuming;
  exchange_.ask_peers();
  return true;
}

// Else another version is there by now: what is stored of the old one is of no more use.
bool CacheStage::is_rest_of_slices(const ResponseHead& received) const {
  const SlicedAnswer& answer = slices_->answer();
  const auto part = parse_content_range(received.fields.value(FieldId::content_range));
  const bool same = received.status == 206 && part && part->total == answer.map.total &&
                    part->range == ByteRange{rest_from_, rest_to_} &&
                    answer.validator().matches(received.fields);
  if (!same && received.status < 500) remove_map(*plan_.store, answer);
  return same;
}

}  // namespace weir
