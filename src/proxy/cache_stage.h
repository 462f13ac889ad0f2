// CacheStage: what one exchange has to do with the cache of its location.
//
//            begin()
//   looking ---------> serving   from the store: fresh, or stale and allowed to be
//      |-------------> waiting   another request fetches the same; then serving, leading or passing
//      |-------------> leading   the peers are asked; their answer is stored while it is served, or
//      |                         says that what is stored is good still, or that covers an error
//      '-------------> passing   the peers are asked for this client alone, nothing is stored
//
//   serving -> resuming          the one whose answer was followed is lost: the rest comes by a
//                                Range request
//
// Owned by the exchange, made where the location has a cache.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/recycled.h"
#include "cache/request_policy.h"
#include "cache/reuse.h"
#include "cache/storable.h"
#include "cache/store.h"
#include "event/timer.h"
#include "http/message.h"
#include "http/ranges.h"
#include "proxy/exchange_state.h"
#include "proxy/fill_sink.h"
#include "proxy/stored_body.h"

namespace weir {

struct CachePlan;
class Exchange;
class Peer;

// All that is stored for a URI, whatever fields of the request tell answers apart besides: `key` is
// one of its keys. not_now: too many purges are being worked on.
enum class Purged : unsigned char { nothing, something, not_now };
Purged purge_uri(const CachePlan& plan, ExchangeState& state, std::string_view key, bool soft);

// PURGE, where the location lets somebody do it.
bool is_purge(const ExchangeState& state);

class CacheStage final : public Recycled<CacheStage>,
                         private StoredBodyOwner,
                         private FillOwner,
                         private cache::FollowerOwner {
 public:
  CacheStage(Exchange& exchange, const CachePlan& plan);
  CacheStage& operator=(CacheStage&&) = delete;  // pinned

  // True: the request is answered or waits; false: it goes on to the peers.
  bool begin();
  bool purge();  // a request to purge, of someone who may: it is answered
  // What the peers are asked has this head now.
  void before_asking();
  // A peer has answered. Where its body goes; nullptr: straight to the client.
  BodySink* on_answer(ResponseHead& received, std::optional<std::uint64_t> length, Peer& peer);
  // No peer has answered. True: there is nothing left to say.
  bool on_no_answer();

  bool goes_on_alone();  // the client is gone; true: what is fetched goes on into the store
  void stop();

 private:
  enum class Role : unsigned char { looking, serving, waiting, leading, passing, resuming };

  // Asking: cache_stage.cc. What returns bool: true: answered or waiting, false: on to the peers.
  bool look();
  bool use(cache::Reader reader);
  bool miss();
  bool join();
  bool pass();
  bool lead(cache::Fill fill);
  bool alone();
  bool follow();
  void go_on(bool waits);  // at a later time than begin()
  void wait_over();
  bool ask_disk();
  bool follow_disk();
  void on_fill_news(cache::Follower& follower) override;
  cache::Key key() const { return variant_.text.empty() ? primary_ : variant_; }

  // The peers' answer: cache_fetch.cc
  std::string_view date() const;
  BodySink* on_not_modified(const ResponseHead& received);
  BodySink* store(ResponseHead& received, std::optional<std::uint64_t> length, Peer& peer);
  void learn_from_head(const ResponseHead& received, std::optional<std::uint64_t> length);
  void end_fill(std::uint16_t status, std::int64_t now);
  bool begin_fill(const ResponseHead& received, const cache::Storing& storing,
                  std::optional<std::uint64_t> length);
  BodySink* on_rest(const ResponseHead& received);
  void invalidate(const ResponseHead& received);
  bool resume_from(std::uint64_t position);
  void on_stored_end(std::uint64_t position) override;
  void on_fill_grown() override { body_.more(); }
  void on_filled() override;
  void on_overflow() override { overflowed_.schedule(); }
  void on_fill_lost(Error why) override;
  void after_overflow();
  bool wants_less_than_all() const;
  void serve_held_back();

  // Giving what is stored: cache_serve.cc. `peer`: whose answer it is, of this moment.
  bool serve(cache::Reader reader, cache::Word word, Peer* peer = nullptr);
  void tell(cache::Word word, bool is_stored, ResponseHead& head);
  struct Selection {
    std::span<const StoredBody::Part> parts;
    std::optional<std::uint64_t> length;
  };
  Selection select(ResponseHead& head);
  Selection select_ranges_of(ResponseHead& head, std::uint64_t length);
  Selection in_many_parts(ResponseHead& head, std::uint64_t length, const RangeSet& ranges);
  void note(const cache::Verdict& verdict);

  Exchange& exchange_;
  ExchangeState& state_;
  const CachePlan& plan_;
  cache::RequestPlan request_{};
  cache::Key primary_{}, variant_{};  // texts in the arena; no variant: empty
  std::string_view mark_{};           // of the variants (cache_key.h)
  cache::Verdict verdict_{};          // of stored_
  cache::Reader stored_;              // what is validated, or covers an error
  cache::Reader serving_;    // to the end: the head's fields are views into it, also for the log
  std::string_view etag_{};  // of what is served, where the rest may be fetched
  cache::Reader held_back_;  // for a client that wants less than all: until all of it is there
  Peer* held_back_peer_ = nullptr;
  cache::Fill fill_;  // joined; a head is awaited
  cache::Follower follower_;
  FillSink sink_;
  StoredBody body_;
  Timer patience_;  // for the one that is followed
  Deferred overflowed_;
  std::vector<StoredBody::Part> parts_;  // of a 206
  Error lost_{Side::upstream, {}};
  std::uint64_t rest_from_ = 0;
  std::int64_t asked_at_ = 0;
  unsigned looks_ = 0, disk_looks_ = 0;
  Role role_ = Role::looking;
  bool mark_is_soft_ = false;  // softly purged
  bool no_store_ = false;
  bool waits_for_disk_ = false;  // follower_ is of the cache keeper
  bool from_disk_ = false;       // what is found next was on disk
  bool validates_ = false;       // the peer is asked whether stored_ is good still
  bool in_parts_ = false;        // the client gets a 206
  bool alone_ = false;           // the client is gone
};

}  // namespace weir
