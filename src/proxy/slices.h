// Slices: the body of a large answer as one client reads it: from the slices that are stored, and
// from those that are being fetched, by whomever. A slice that nobody has or fetches is fetched in
// an exchange of its own, so that it gets into the store whole, whatever becomes of this client.
//
// The next slice is asked for when the client has taken most of the present one: a client has never
// more than two under way, whatever the size of the answer and however slow it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cache/store.h"
#include "event/timer.h"
#include "proxy/exchange_state.h"
#include "proxy/slice_fetch.h"
#include "proxy/stored_body.h"

namespace weir {

struct CachePlan;

// The map of a stored answer that is one; nullopt: it is none, or damaged.
std::optional<SliceMap> map_of(cache::Reader& reader);
std::optional<std::uint64_t> whole_length(cache::Reader& reader);  // of a sliced one, too

// The facts a slice is stored with: it is found as long as its map is, and goes when nobody asks
// for it any more.
cache::Facts slice_facts();

// What goes to the origin asks for these bytes, of this version alone (If-Range); empty: of any.
void ask_for_range(ExchangeState& state, const ByteRange& range, std::string_view condition);

class SlicesOwner {
 public:
  virtual void on_slices_grown() = 0;
  virtual bool fetches_slice() const = 0;  // into the store, for others too, itself

 protected:
  ~SlicesOwner() = default;
};

class Slices final : public StoredBytes, private cache::FollowerOwner {
 public:
  Slices(ExchangeState& state, const CachePlan& plan, SlicedAnswer answer, SlicesOwner& owner);
  Slices& operator=(Slices&&) = delete;  // pinned

  const SlicedAnswer& answer() const { return answer_; }
  void want_until(std::uint64_t end) { wanted_end_ = end; }  // nothing behind it is asked for
  bool is_stored(std::uint64_t position);
  void stop();

  std::string_view read(std::uint64_t at) override;
  std::uint64_t pinned_until(std::uint64_t at) const override;
  std::optional<std::uint64_t> length() const override { return answer_.map.total; }
  // Never complete: what is missing behind the end of a slice is lost.
  cache::Reader::Progress progress() const override;
  bool damaged() const override { return false; }
  // Who asked for a little of the slice that it fetches stays until the slice is there.
  bool may_end() const override { return !owner_.fetches_slice(); }

 private:
  cache::Key key_of(std::uint64_t number);
  void open(std::uint64_t number);
  void find();
  void follow();
  void fetch(cache::Fill fill);
  bool order(std::uint64_t number, cache::Fill fill);
  void prefetch(std::uint64_t number);
  void lose();
  void on_timer();
  void on_fill_news(cache::Follower& follower) override;

  ExchangeState& state_;
  const CachePlan& plan_;
  SlicedAnswer answer_;
  SlicesOwner& owner_;
  std::string key_;
  std::optional<std::uint64_t> number_;  // of the slice being read
  std::uint64_t prefetched_ = 0;
  std::uint64_t wanted_end_;
  cache::Reader reader_;
  cache::Follower follower_;
  Timer patience_;  // for a slice of which nothing has come, or until the next look
  unsigned looks_ = 0;
  bool lost_ = false;
};

}  // namespace weir
