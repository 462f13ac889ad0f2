// CacheStage, fifth part: what is stored is given in a content coding, from a copy beside it.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "cache/key.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/copy_coder.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/wanted_copy.h"
#include "proxy/worker_context.h"

namespace weir {

std::optional<CacheWork::Copied> CacheStage::take_copy(const AnswerCoding& coding) {
  if (!may_copy_ || coding.kind != AnswerCoding::Kind::compress) return std::nullopt;
  std::string& text = state_.memory.text;
  text.assign(key().text);
  cache::append_copy_key(coding_name(coding.coding), serving_.body_word(), text);
  const std::string_view key_text = state_.memory.take_text();
  if (state_.arena().exhausted()) return std::nullopt;
  copy_key_ = plan_.store->key(key_text);
  copy_coding_ = coding.coding;
  cache::Found found = plan_.store->find(copy_key_);
  if (found.kind == cache::Found::Kind::answer) {
    if (found.reader.read(0).empty()) {
      plan_.store->remove(copy_key_);
      return std::nullopt;
    }
    copied_ = std::move(found.reader);
    state_.context.counters.cache_copies_used.add();
    want_better_copy(*state_.location, key(), copy_key_, copied_, coding.coding);
    return Copied{copied_.body_bytes()};
  }
  if (state_.request().method == Method::head || !make_copy(coding, copy_key_))
    return std::nullopt;
  return Copied{copy_->whole() ? copy_->length() : std::nullopt};
}

// Where another makes it: each for itself meanwhile.
bool CacheStage::make_copy(const AnswerCoding& coding, const cache::Key& key) {
  cache::Joined joined = plan_.store->join(key, *this, clock::wall_ms());
  if (!joined.fill) return false;
  WorkerContext& context = state_.context;
  const EncoderSpec spec = copy_spec(*state_.location->conf, coding.coding);
  auto coder = make_copy_coder(context.loop, context.coders, context.coder_turns, spec,
                               state_.memory.answer, serving_.length());
  if (coder == nullptr ||
      !joined.fill.begin(copy_facts(spec.level), {}, std::nullopt, serving_.tags()))
    return false;
  const CodedCopy::Place place{*plan_.store, key, coding.coding};
  copy_ = std::make_unique<CodedCopy>(state_, place, serving_, std::move(joined.fill),
                                      std::move(coder), static_cast<CodedCopyOwner&>(*this));
  // What grows may end in the middle, and the way on from there is after the head.
  if (serving_.progress() == cache::Reader::Progress::complete) copy_->start();
  return true;
}

void CacheStage::on_copy_grown() {
  if (!alone_) return body_.more();
  if (!copy_->making()) exchange_.fetch_over();
}

BodySink& CacheStage::onward() {
  return copy_ != nullptr ? copy_->entrance() : exchange_.sink();
}

void CacheStage::on_copied_end(std::uint64_t position) {
  if (role_ == Role::leading && sink_.overflowing()) return sink_.go_direct(&onward());
  if (role_ == Role::leading) return onward().abort(lost_);
  if (alone_ || !resume_from(position)) onward().abort(trouble(Trouble::fill_lost));
}

}  // namespace weir
