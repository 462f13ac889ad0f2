#include "proxy/slice_fetch.h"

#include "base/clock.h"
#include "cache/reuse.h"
#include "cache/storable.h"
#include "proxy/cache_key.h"
#include "proxy/cache_plan.h"
#include "proxy/exchange.h"
#include "proxy/slices.h"

namespace weir {

void remove_map(cache::Store& store, const SlicedAnswer& answer) {
  const cache::Key key = store.key(answer.map_key);
  cache::Found found = store.find(key);
  if (found.kind != cache::Found::Kind::answer) return;
  const auto map = map_of(found.reader);
  if (map && map->word == answer.map.word) store.remove(key);
}

SliceFetch::SliceFetch(Exchange& exchange, const CachePlan& plan, SliceOrder& order)
    : exchange_(exchange),
      state_(exchange.state()),
      plan_(plan),
      order_(order),
      sink_(static_cast<FillOwner&>(*this)) {}

void SliceFetch::before_asking() {
  asked_at_ = clock::wall_ms();
  ask_for_range(state_, order_.of.map.range_of(order_.number), order_.of.validator().condition());
}

// The part that was asked for, of the version that the map is of.
bool SliceFetch::is_wanted(ResponseHead& received, std::optional<std::uint64_t> length) const {
  if (received.status != 206) return false;
  const auto part = parse_content_range(received.fields.value(FieldId::content_range));
  const ByteRange wanted = order_.of.map.range_of(order_.number);
  return part && part->range == wanted && part->total == order_.of.map.total &&
         length.value_or(wanted.size()) == wanted.size() &&
         order_.of.validator().matches(received.fields);
}

// As the answer that it is a part of would be: the head of the whole.
bool SliceFetch::is_storable(ResponseHead& received) const {
  received.status = 200;
  received.fields.remove(FieldId::content_range);
  const auto request = cache::plan_request(state_.request(), plan_.rules, {});
  const auto storing =
      cache::judge_answer(request, received, plan_.rules, {asked_at_, clock::wall_ms()},
                          any_set(state_, *plan_.conf->no_store));
  return storing.stores;
}

BodySink* SliceFetch::on_answer(ResponseHead& received, std::optional<std::uint64_t> length,
                                Peer&) {
  const bool failed = cache::is_origin_error(received.status);
  if (!is_wanted(received, length) || !is_storable(received)) {
    if (!failed) remove_map(*plan_.store, order_.of);
    exchange_.drop();
    return &exchange_.refusal();
  }
  if (!order_.fill.begin(slice_facts(), {}, order_.of.map.range_of(order_.number).size(), {})) {
    exchange_.drop();
    return &exchange_.refusal();
  }
  sink_.start(std::move(order_.fill));
  return &sink_;
}

bool SliceFetch::on_no_answer() {
  exchange_.drop();
  return true;
}

void SliceFetch::stop() {
  if (order_.fill) order_.fill.abandon();
  sink_.give_up();
}

// Out of here the attempt ends as it should: its connection lives.
void SliceFetch::on_filled() { state_.client.write({}, true); }

void SliceFetch::on_overflow() { exchange_.drop(); }

void SliceFetch::on_fill_lost(Error why) {
  exchange_.peer_failed(why);
  exchange_.drop();
}

}  // namespace weir
