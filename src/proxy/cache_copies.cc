// CacheStage, fifth part: what is stored is given in a content coding, from a copy beside it.
#include <algorithm>
#include <utility>

#include "cache/key.h"
#include "proxy/body_coder.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/wanted_copy.h"
#include "proxy/worker_context.h"

namespace weir {

namespace {

// A longer body begins sooner when it is coded on its way than when its copy is waited for.
constexpr std::uint64_t waits_for_bytes_most = std::uint64_t{1} << 20;

}  // namespace

bool CacheStage::key_of_copy(ContentCoding coding) {
  std::string& text = state_.memory.text;
  text.assign(key().text);
  cache::append_copy_key(coding_name(coding), serving_.body_word(), text);
  const std::string_view key_text = state_.memory.take_text();
  if (state_.arena().exhausted()) return false;
  copy_key_ = plan_.store->key(key_text);
  copy_coding_ = coding;
  return true;
}

bool CacheStage::find_copy() {
  cache::Found found = plan_.store->find(copy_key_);
  if (found.kind != cache::Found::Kind::answer) return false;
  if (found.reader.read(0).empty()) {
    plan_.store->remove(copy_key_);
    return false;
  }
  copied_ = std::move(found.reader);
  return true;
}

std::optional<CacheWork::Copied> CacheStage::take_copy(const AnswerCoding& coding) {
  if (!may_copy_ || coding.kind != AnswerCoding::Kind::compress) return std::nullopt;
  if (copy_key_.text.empty() || coding.coding != copy_coding_) {
    copied_ = {};
    copy_fill_ = {};
    if (!key_of_copy(coding.coding)) return std::nullopt;
  }
  if (copied_ || find_copy()) {
    copy_fill_ = {};
    gives_copy_ = true;
    state_.context.counters.cache_copies_used.add();
    want_better_copy(*state_.location, key(), copy_key_, copied_, coding.coding);
    state_.compressed = {serving_.body_bytes(), copied_.body_bytes()};
    return Copied{copied_.body_bytes()};
  }
  if (state_.request().method == Method::head || !make_copy(coding)) return std::nullopt;
  if (!copy_->whole()) return Copied{};
  state_.compressed = copy_->bytes();
  return Copied{copy_->length()};
}

// Where another makes it: each for itself meanwhile.
bool CacheStage::make_copy(const AnswerCoding& coding) {
  cache::Fill fill = std::move(copy_fill_);
  if (!fill) fill = std::move(plan_.store->join(copy_key_, *this).fill);
  if (!fill) return false;
  WorkerContext& context = state_.context;
  const EncoderSpec spec = encoder_spec(*state_.location->conf, coding.coding);
  const Coders coders{context.loop, context.coders, context.coder_turns, context.counters};
  auto coder = make_compressor(coders, spec, state_.memory.answer, serving_.length());
  if (coder == nullptr || !fill.begin(copy_facts(spec.level), {}, std::nullopt, serving_.tags()))
    return false;
  const CodedCopy::Place place{*plan_.store, copy_key_, coding.coding};
  copy_ = std::make_unique<CodedCopy>(state_, place, serving_, std::move(fill), std::move(coder),
                                      static_cast<CodedCopyOwner&>(*this));
  // What grows may end in the middle, and the way on from there is after the head.
  if (serving_.progress() == cache::Reader::Progress::complete) copy_->start();
  return true;
}

// --- while another makes it

// Before the head is finished: its coding is a guess, though a good one, and take_copy() has the
// last word. True: another makes the copy, and that is waited for.
bool CacheStage::look_for_copy(const ResponseHead& head, cache::Word word) {
  const Fields& asked = state_.request().fields;
  if (!state_.location->codes || state_.refreshes || head.status != 200) return false;
  if (role_ != Role::serving || asked.has(FieldId::range) || asked.has(FieldId::if_none_match))
    return false;
  if (serving_.progress() != cache::Reader::Progress::complete) return false;
  const AnswerCoding coding = choose_coding(state_, head, serving_.length());
  if (coding.kind != AnswerCoding::Kind::compress || !key_of_copy(coding.coding)) return false;
  kept_word_ = word;
  return !find_copy() && wait_for_copy();
}

// So that a hundred who want the same do not code it a hundred times.
bool CacheStage::wait_for_copy() {
  const bool waits = !std::exchange(waited_for_copy_, true) && *plan_.conf->lock &&
                     state_.request().method != Method::head &&
                     serving_.body_bytes() <= waits_for_bytes_most;
  if (!waits) return false;
  // Made since find_copy(): take_copy() finds it.
  cache::Joined joined = plan_.store->join(copy_key_, *this, 0);
  copy_fill_ = std::move(joined.fill);
  if (!joined.follower) return false;
  follower_ = std::move(joined.follower);
  kept_ = std::move(serving_);
  waits_for_copy_ = true;
  role_ = Role::waiting;
  patience_.arm(*plan_.conf->lock_timeout);
  return true;
}

bool CacheStage::follow_copy() {
  using State = cache::Follower::State;
  switch (follower_.state()) {
    case State::waiting:
    case State::growing: return true;
    case State::orphaned:
      copy_fill_ = follower_.take_over();
      if (!copy_fill_) return true;
      break;
    case State::complete:
    case State::look_again:
    case State::pass:
    case State::failed: break;
  }
  return copy_wait_over();
}

bool CacheStage::copy_wait_over() {
  patience_.cancel();
  waits_for_copy_ = false;
  follower_ = {};
  return serve(std::move(kept_), kept_word_);
}

void CacheStage::on_copy_grown() {
  if (!alone_) return body_.more();
  if (!copy_->making()) exchange_.fetch_over();
}

BodySink& CacheStage::onward() { return copy_ != nullptr ? copy_->entrance() : exchange_.sink(); }

void CacheStage::on_copied_end(std::uint64_t position) {
  if (role_ == Role::leading && sink_.overflowing()) return sink_.go_direct(&onward());
  if (role_ == Role::leading) return onward().abort(lost_);
  if (alone_ || !resume_from(position)) onward().abort(trouble(Trouble::fill_lost));
}

}  // namespace weir
