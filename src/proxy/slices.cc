#include "proxy/slices.h"

#include <utility>

#include "base/clock.h"
#include "cache/request_policy.h"
#include "proxy/cache_plan.h"
#include "proxy/refresher.h"
#include "proxy/worker_context.h"

namespace weir {

using Progress = cache::Reader::Progress;

namespace {

// Who is sent back to look again, or had no lock, is so a little later; so often is no luck.
constexpr unsigned looks_at_once = 2, looks_max = 8;
constexpr std::chrono::milliseconds look_again_after{20};

}  // namespace

std::optional<SliceMap> map_of(cache::Reader& reader) {
  if ((reader.facts().flags & cache::fact::sliced) == 0) return std::nullopt;
  return SliceMap::parse(reader.read(0));
}

std::optional<std::uint64_t> whole_length(cache::Reader& reader) {
  const auto map = map_of(reader);
  return map ? map->total : reader.length();
}

cache::Facts slice_facts() {
  constexpr std::int64_t year_ms = std::int64_t{365} * 24 * 3'600'000;
  cache::Facts facts;
  facts.status = 206;
  facts.response_time = clock::wall_ms();
  facts.lifetime = year_ms;
  return facts;
}

void ask_for_range(ExchangeState& state, const ByteRange& range, std::string_view condition) {
  Fields& fields = state.memory.to_origin.fields;
  cache::ask_for_all(fields);
  std::string& text = state.memory.text;
  text.assign("bytes=").append(std::to_string(range.first)).append(1, '-');
  text.append(std::to_string(range.last));
  fields.set(FieldId::range, state.memory.take_text());
  if (!condition.empty()) fields.set(FieldId::if_range, condition);
}

Slices::Slices(ExchangeState& state, const CachePlan& plan, SlicedAnswer answer, SlicesOwner& owner)
    : state_(state),
      plan_(plan),
      answer_(std::move(answer)),
      owner_(owner),
      wanted_end_(answer_.map.total),
      patience_(
          state.context.loop, [](void* self) { static_cast<Slices*>(self)->on_timer(); }, this) {}

void Slices::on_timer() {
  if (follower_) {
    lose();  // it has waited long enough
  } else {
    find();
  }
  owner_.on_slices_grown();
}

void Slices::stop() {
  patience_.cancel();
  follower_ = {};
}

cache::Key Slices::key_of(std::uint64_t number) {
  key_.clear();
  answer_.map.append_slice_key(answer_.key, number, key_);
  return plan_.store->key(key_);
}

bool Slices::is_stored(std::uint64_t position) {
  return plan_.store->find(key_of(answer_.map.number_at(position))).kind ==
         cache::Found::Kind::answer;
}

std::string_view Slices::read(std::uint64_t at) {
  const std::uint64_t number = answer_.map.number_at(at);
  if (number != number_) open(number);
  if (!reader_) return {};
  const std::uint64_t offset = at - answer_.map.begin_of(number);
  const std::string_view bytes = reader_.read(offset);
  if (bytes.empty() && reader_.damaged()) {
    plan_.store->remove(key_of(number));
    lose();
    return {};
  }
  if (offset >= answer_.map.slice_size / 4 * 3) prefetch(number + 1);
  return bytes;
}

std::uint64_t Slices::pinned_until(std::uint64_t at) const {
  return answer_.map.begin_of(answer_.map.number_at(at) + 1);
}

Progress Slices::progress() const {
  if (lost_) return Progress::failed;
  if (!reader_) return Progress::growing;
  return reader_.progress() == Progress::growing ? Progress::growing : Progress::failed;
}

// --- one slice

void Slices::open(std::uint64_t number) {
  number_ = number;
  reader_ = {};
  follower_ = {};
  lost_ = false;
  looks_ = 0;
  find();
}

void Slices::find() {
  cache::Store& store = *plan_.store;
  if (++looks_ > looks_max) return lose();
  follower_ = {};
  cache::Found found = store.find(key_of(*number_));
  if (found.kind == cache::Found::Kind::pass) return lose();
  if (found.kind == cache::Found::Kind::answer) {
    reader_ = std::move(found.reader);
    return;
  }
  cache::Joined joined = store.join(key_of(*number_), *this, 0);
  if (joined.look_again) return find();
  if (joined.fill) return fetch(std::move(joined.fill));
  if (!joined.follower) return patience_.arm(look_again_after);
  follower_ = std::move(joined.follower);
  follow();
}

// Somebody else's exchange leads, and we follow like all others.
void Slices::fetch(cache::Fill fill) {
  if (!order(*number_, std::move(fill))) return lose();
  cache::Joined joined = plan_.store->join(key_of(*number_), *this);
  if (!joined.follower) return patience_.arm(look_again_after);
  follower_ = std::move(joined.follower);
  follow();
}

void Slices::follow() {
  using State = cache::Follower::State;
  if (!follower_) return lose();
  switch (follower_.state()) {
    case State::waiting:
      if (!patience_.armed()) patience_.arm(*plan_.conf->lock_timeout);
      return;
    case State::growing:
    case State::complete:
      patience_.cancel();
      reader_ = std::move(follower_.reader());
      return;
    case State::orphaned:
      if (cache::Fill fill = follower_.take_over()) {
        follower_ = {};
        fetch(std::move(fill));
      }
      return;
    case State::look_again:
      if (looks_ < looks_at_once) return find();
      follower_ = {};
      patience_.arm(look_again_after);
      return;
    case State::pass:
    case State::failed: return lose();
  }
}

void Slices::on_fill_news(cache::Follower&) {
  if (!reader_) follow();
  owner_.on_slices_grown();
}

void Slices::lose() {
  patience_.cancel();
  follower_ = {};
  lost_ = true;
}

bool Slices::order(std::uint64_t number, cache::Fill fill) {
  return Refresher::fetch_slice(
      state_, std::make_unique<SliceOrder>(SliceOrder{answer_, number, std::move(fill)}));
}

void Slices::prefetch(std::uint64_t number) {
  if (prefetched_ == number || answer_.map.begin_of(number) >= wanted_end_) return;
  prefetched_ = number;
  const cache::Key key = key_of(number);
  if (plan_.store->find(key).kind == cache::Found::Kind::answer) return;
  cache::Joined joined = plan_.store->join(key, *this, 0);
  if (joined.fill) order(number, std::move(joined.fill));  // where it can't be, read() asks again
}

}  // namespace weir
