// SliceFetch: one slice of a large answer on its way into the store, by an exchange that no client
// waits for (refresher.h). Whoever wants the slice follows the fill.
//
// A slice of another version than the map's, or one that may not be stored, never gets in; the map
// goes then, and with it all slices that were found by it.
#pragma once

#include <string>

#include "cache/store.h"
#include "proxy/cache_work.h"
#include "proxy/exchange_state.h"
#include "proxy/fill_sink.h"
#include "proxy/slice_map.h"

namespace weir {

struct CachePlan;
class Exchange;

// What all fetches for one client have in common.
struct SlicedAnswer {
  std::string key;      // the slices' keys begin with it
  std::string map_key;  // what the map is stored under
  SliceMap map;
  std::string etag, last_modified;
  bool etag_is_strong = false;

  SliceValidator validator() const { return {etag, last_modified, etag_is_strong, true}; }
};

struct SliceOrder {
  SlicedAnswer of;
  std::uint64_t number = 0;
  cache::Fill fill{};  // joined
};

// The map of another word is another's.
void remove_map(cache::Store& store, const SlicedAnswer& answer);

class SliceFetch final : public CacheWork, private FillOwner {
 public:
  // The order outlives this.
  SliceFetch(Exchange& exchange, const CachePlan& plan, SliceOrder& order);

  bool begin() override { return false; }
  void before_asking() override;
  BodySink* on_answer(ResponseHead& received, std::optional<std::uint64_t> length,
                      Peer& peer) override;
  bool on_no_answer() override;
  bool goes_on_alone() override { return false; }
  void stop() override;

 private:
  bool is_wanted(ResponseHead& received, std::optional<std::uint64_t> length) const;
  bool is_storable(ResponseHead& received) const;
  void on_fill_grown() override {}
  void on_filled() override;
  void on_overflow() override;
  void on_fill_lost(Error why) override;

  Exchange& exchange_;
  ExchangeState& state_;
  const CachePlan& plan_;
  SliceOrder& order_;
  FillSink sink_;
  std::int64_t asked_at_ = 0;
};

}  // namespace weir
