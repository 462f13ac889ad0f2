#include "proxy/coded_copy.h"

#include <utility>

#include "base/clock.h"
#include "proxy/body_coder.h"
#include "proxy/errors.h"
#include "proxy/hit_memory.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

constexpr StoredBody::Part all_of_it{{}, 0, StoredBody::to_the_end};

}  // namespace

cache::Facts copy_facts(int level) {
  constexpr std::int64_t year_ms = std::int64_t{365} * 24 * 3'600'000;
  cache::Facts facts;
  facts.status = 200;
  facts.flags = cache::fact::copy;
  facts.level = static_cast<std::uint32_t>(level);
  facts.response_time = clock::wall_ms();
  facts.lifetime = year_ms;
  return facts;
}

CodedCopy::CodedCopy(ExchangeState& state, const Place& place, cache::Reader& answer,
                     cache::Fill fill, std::unique_ptr<CoderFilter> coder, CodedCopyOwner& owner)
    : state_(state),
      owner_(owner),
      answer_(answer),
      copy_(fill.reader()),
      sink_(static_cast<FillOwner&>(*this)),
      place_(place),
      coder_(std::move(coder)),
      feeder_(state.context.loop, static_cast<StoredBodyOwner&>(*this)),
      grown_(
          state.context.loop,
          [](void* self) { static_cast<CodedCopy*>(self)->owner_.on_copy_grown(); }, this) {
  sink_.start(std::move(fill));
  coder_->set_next(&sink_);
}

CodedCopy::~CodedCopy() { count_compressed(state_.context.counters, place_.coding, bytes()); }

void CodedCopy::start() {
  if (std::exchange(started_, true)) return;
  feeder_.start(answer_, {&all_of_it, 1}, *coder_);
}

void CodedCopy::stop() {
  feeder_.stop();
  grown_.cancel();
  sink_.give_up();
  coder_->abort({Side::self, "nobody takes the copy"});
}

void CodedCopy::on_filled() {
  whole_ = true;
  state_.context.counters.cache_copies_made.add();
  store_together();
  tell();
}

// While its length was not known it was stored in many small pieces. Those who are given it next
// are to get it as fast as any answer of that size.
void CodedCopy::store_together() {
  if (copy_.progress() != cache::Reader::Progress::complete) return;
  const std::uint64_t bytes = copy_.body_bytes();
  if (bytes > HitMemory::stored_bytes_max) return;
  const cache::Facts facts = copy_.facts();
  cache::Joined joined = place_.store.join(place_.key, *this, clock::wall_ms());
  cache::Fill& fill = joined.fill;
  if (!fill || !fill.begin(facts, {}, bytes, answer_.tags())) return;
  for (std::uint64_t at = 0; at < bytes;) {
    const std::string_view part = copy_.read(at);
    if (part.empty() || !fill.append(part)) return;
    at += part.size();
  }
  fill.commit();  // else the one before stays
}

void CodedCopy::on_fill_lost(Error why) {
  lost_ = why;
  tell();
}

}  // namespace weir
