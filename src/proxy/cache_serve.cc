// CacheStage, third part: a stored answer becomes this client's answer: its conditions and ranges.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "cache/field_block.h"
#include "cache/freshness.h"
#include "http/conditional.h"
#include "http/status.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/worker_context.h"

namespace weir {

using cache::Word;

namespace {

constexpr StoredBody::Part whole{{}, 0, StoredBody::to_the_end};
constexpr StoredBody::Part nothing{};

// What speaks of a body that is not sent (RFC 9110 15.4.5).
void without_content(Fields& fields) {
  for (const FieldId id : {FieldId::content_type, FieldId::content_encoding,
                           FieldId::content_language, FieldId::content_range})
    fields.remove(id);
}

// Nothing in it that is judged against what is stored, or by the clock.
bool is_plain(const RequestHead& request) {
  if (request.method != Method::get || request.form != TargetForm::origin) return false;
  for (const FieldId id :
       {FieldId::cache_control, FieldId::pragma, FieldId::authorization, FieldId::range,
        FieldId::if_range, FieldId::if_match, FieldId::if_none_match, FieldId::if_modified_since,
        FieldId::if_unmodified_since})
    if (request.fields.has(id)) return false;
  return true;
}

}  // namespace

void CacheStage::note(const cache::Verdict& verdict) {
  state_.cache.status.forward = verdict.forward;
  state_.cache.status.detail = verdict.detail;
}

bool CacheStage::serve(cache::Reader reader, Word word, Peer* peer) {
  if (role_ != Role::leading) role_ = Role::serving;
  serving_ = std::move(reader);
  ResponseHead& head = state_.memory.answer;
  head.clear();
  // Whoever brought it gets it as it came: what may not be stored, too.
  const bool validated = word == Word::revalidated;
  if (peer != nullptr) head = state_.memory.from_peer;
  const bool readable =
      peer != nullptr || cache::read_field_block(serving_.fields(), validated, head);
  const bool sliced = (serving_.facts().flags & cache::fact::sliced) != 0;
  // Whoever refreshes has done so, and wants none of the slices.
  if (sliced && state_.refreshes) {
    exchange_.drop();
    return true;
  }
  head.status = serving_.facts().status;
  if (readable && !sliced && look_for_copy(head, word)) return true;
  // Seen before a byte is promised: what is damaged was never there. Of what is not given the bytes
  // are not looked at.
  if (!readable || (!copied_ && serving_.read(0).empty() && serving_.damaged()) ||
      (sliced && !open_slices(head))) {
    plan_.store->remove(key());
    serving_ = {};
    return miss();
  }
  tell(word, peer == nullptr, head);
  const Selection selection = select(head);
  if (sliced) note_missing_slice(selection.parts);
  may_copy_ = head.status == 200 && !sliced;
  const bool begun = exchange_.dress(head, peer) && exchange_.begin_answer(head, selection.length);
  copy_fill_ = {};  // where it was not of use after all
  if (!begun) {
    exchange_.end_sources();
    exchange_.fail(exchange_.unsendable());
    return true;
  }
  if (sliced) {
    body_.start(*slices_, selection.parts, exchange_.sink());
  } else if (gives_copy_) {
    body_.start(copied_, selection.parts, state_.client);
  } else if (copy_ != nullptr) {
    copy_->start();
    body_.start(*copy_, selection.parts, state_.client);
  } else {
    body_.start(serving_, selection.parts, exchange_.sink());
  }
  return true;
}

// X-Cache and Cache-Status are written where the head is finished; Age is the answer's own.
void CacheStage::tell(Word word, bool is_stored, ResponseHead& head) {
  const cache::Facts& facts = serving_.facts();
  told_at_ = clock::wall_ms();
  const std::int64_t age = cache::current_age(facts, told_at_);
  CacheTrace& trace = state_.cache;
  trace.word = word;
  trace.status.ttl = facts.lifetime - age;
  if (serving_.soft_purged() || mark_is_soft_)
    trace.status.ttl = std::min<std::int64_t>(*trace.status.ttl, 0);
  trace.status.hit = word == Word::hit || word == Word::stale || word == Word::updating;
  if (trace.status.hit) trace.status.forward = cache::Forward::none;
  if (!is_stored) return;
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, cache::age_seconds(age));
  const std::string_view text{digits, static_cast<std::size_t>(end.ptr - digits)};
  head.fields.set(FieldId::age, state_.arena().copy(text));
}

std::optional<RepeatableHit> CacheStage::repeatable() {
  const RequestHead& request = state_.request();
  const CacheTrace& trace = state_.cache;
  const bool plain_hit = role_ == Role::serving && trace.word == Word::hit &&
                         !trace.status.collapsed && trace.status.detail.empty();
  if (slices_ != nullptr || copy_ != nullptr || !plain_hit || !state_.location->hits_repeat ||
      !is_plain(request))
    return std::nullopt;
  const cache::Facts& facts = serving_.facts();
  if (state_.memory.answer.status != 200 || facts.status != 200) return std::nullopt;
  if (serving_.progress() != cache::Reader::Progress::complete) return std::nullopt;
  const cache::Reader& given = gives_copy_ ? copied_ : serving_;
  if (given.body_bytes() > AnswerFiles::body_bytes_max) return std::nullopt;

  // Of the head, Age and the ttl of Cache-Status change by the second; it is fresh until the latter
  // is 0.
  const std::int64_t age = cache::current_age(facts, told_at_);
  const std::int64_t fresh = facts.lifetime - age;
  if (fresh <= 0) return std::nullopt;
  RepeatableHit hit{state_.server, state_.location, primary_, variant_, mark_};
  if (gives_copy_) {
    hit.copy = copy_key_;
    hit.copy_coding = copy_coding_;
  }
  hit.stored_seq = serving_.stored_seq();
  hit.body_bytes = given.body_bytes();
  hit.from_ms = told_at_;
  hit.until_ms = told_at_ + std::min({1000 - age % 1000, fresh % 1000 + 1, fresh});
  return hit;
}

CacheStage::Selection CacheStage::select(ResponseHead& head) {
  const RequestHead& request = state_.request();
  const std::optional<std::uint64_t> length =
      slices_ != nullptr ? slices_->length() : serving_.length();
  const std::int64_t now = clock::wall_ms();
  const Validators validators = validators_of(head.fields, now);
  if (head.status == 200) {
    switch (evaluate(request, validators, now)) {
      case Precondition::none:
      case Precondition::holds: break;
      case Precondition::not_modified:
        head.status = 304;
        without_content(head.fields);
        return {{&nothing, 1}, std::nullopt};
      case Precondition::failed:
        head.status = 412;
        without_content(head.fields);
        return {{&nothing, 1}, 0};
    }
    if (length && !head.fields.has(FieldId::accept_ranges))
      head.fields.add(FieldId::accept_ranges, "bytes");
  }
  if (request.method == Method::head) return {{&nothing, 1}, length};
  if (head.status == 200 && length && range_applies(request, validators, now))
    return select_ranges_of(head, *length);
  return {{&whole, 1}, length};
}

CacheStage::Selection CacheStage::select_ranges_of(ResponseHead& head, std::uint64_t length) {
  RangeSet ranges;
  std::string& text = state_.memory.text;
  text.clear();
  switch (select_ranges(state_.request().fields.value(FieldId::range), length, ranges)) {
    case RangeVerdict::whole: return {{&whole, 1}, length};
    case RangeVerdict::unsatisfiable:
      head.status = 416;
      without_content(head.fields);
      append_unsatisfied_range(length, text);
      head.fields.set(FieldId::content_range, state_.memory.take_text());
      return {{&nothing, 1}, 0};
    case RangeVerdict::partial: break;
  }
  head.status = 206;
  in_parts_ = true;
  if (ranges.size() > 1) return in_many_parts(head, length, ranges);
  append_content_range(ranges[0], length, text);
  head.fields.set(FieldId::content_range, state_.memory.take_text());
  parts_.assign(1, {{}, ranges[0].first, ranges[0].last + 1});
  return {parts_, ranges[0].size()};
}

// RFC 9110 15.3.7.2.
CacheStage::Selection CacheStage::in_many_parts(ResponseHead& head, std::uint64_t length,
                                                const RangeSet& ranges) {
  const std::string_view boundary = state_.request_id.text();
  const Multipart multipart(boundary, head.fields.value(FieldId::content_type), length, ranges);
  std::string& text = state_.memory.text;
  parts_.clear();
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    text.clear();
    multipart.append_part_head(at, text);
    parts_.push_back({state_.memory.take_text(), ranges[at].first, ranges[at].last + 1});
  }
  text.clear();
  multipart.append_end(text);
  parts_.push_back({state_.memory.take_text(), 0, 0});
  text.clear();
  multipart.append_content_type(text);
  head.fields.set(FieldId::content_type, state_.memory.take_text());
  return {parts_, multipart.total()};
}

}  // namespace weir
