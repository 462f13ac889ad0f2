// CacheStage: what one exchange has to do with the cache of its location.
//
//            begin()
//   looking ---------> serving   from the store: fresh, or stale and allowed to be
//      |-------------> waiting   another request fetches the same; then serving, leading or passing
//      |-------------> leading   the peers are asked; their answer is stored while it is served, or
//      |                         says that what is stored is good still, or that covers an error
//      '-------------> passing   the peers are asked for this client alone, nothing is stored
//
//   serving -> waiting           another makes a copy of it in the client's content coding
//   serving -> resuming          the one whose answer was followed is lost: the rest comes by a
//                                Range request
//
// Owned by the exchange, made where the location has a cache.
#pragma once

#include <cstdint>
#include <memory>
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
#include "proxy/cache_work.h"
#include "proxy/coded_copy.h"
#include "proxy/exchange_state.h"
#include "proxy/fill_sink.h"
#include "proxy/hit_memory.h"
#include "proxy/post_body.h"
#include "proxy/slices.h"
#include "proxy/stored_body.h"

namespace weir {

struct CachePlan;
class Exchange;

// All that is stored for a URI, whatever fields of the request tell answers apart besides: `key` is
// one of its keys. not_now: too many purges are being worked on.
enum class Purged : unsigned char { nothing, something, not_now };
Purged purge_uri(const CachePlan& plan, ExchangeState& state, std::string_view key, bool soft);

// PURGE, where the location lets somebody do it.
bool is_purge(const ExchangeState& state);

class CacheStage final : public CacheWork,
                         public Recycled<CacheStage>,
                         private StoredBodyOwner,
                         private FillOwner,
                         private SlicesOwner,
                         private CodedCopyOwner,
                         private cache::FollowerOwner {
 public:
  CacheStage(Exchange& exchange, const CachePlan& plan);
  CacheStage& operator=(CacheStage&&) = delete;  // pinned

  bool begin() override;
  void before_asking() override;
  BodySink* on_answer(ResponseHead& received, std::optional<std::uint64_t> length,
                      Peer& peer) override;
  bool on_no_answer() override;
  std::optional<Copied> take_copy(const AnswerCoding& coding) override;
  std::optional<RepeatableHit> repeatable() override;
  bool goes_on_alone() override;
  void stop() override;

 private:
  enum class Role : unsigned char { looking, serving, waiting, leading, passing, resuming };

  // Asking: cache_stage.cc. What returns bool: true: answered or waiting, false: on to the peers.
  bool purge();  // a request to purge, of someone who may: it is answered
  bool begin_with(std::string_view key_text);
  bool read_body();
  void on_body();
  bool look();
  bool use(cache::Reader reader);
  bool miss();
  bool join();
  bool pass();
  bool lead(cache::Fill fill);
  bool alone();
  bool follow();
  bool read_along();
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
  BodySink* on_rest(const ResponseHead& received, std::optional<std::uint64_t> length);
  bool is_rest_of_whole(const ResponseHead& received) const;
  void invalidate(const ResponseHead& received, bool changed_nothing);
  bool resume_from(std::uint64_t position);
  void on_stored_end(std::uint64_t position) override;
  void on_fill_grown() override { more(); }
  void on_filled() override;
  void on_overflow() override { overflowed_.schedule(); }
  void on_fill_lost(Error why) override;
  void after_overflow();
  bool wants_less_than_all() const;
  void serve_held_back();

  // An answer in slices: cache_slices.cc.
  bool asks_for_slices() const;
  BodySink* on_slice(ResponseHead& received, std::optional<std::uint64_t> length, Peer& peer);
  BodySink* begin_slices(ResponseHead& received, cache::Storing storing, std::uint64_t total,
                         Peer& peer);
  bool begin_own_slice(const SliceMap& map);
  BodySink* ask_as_it_came();
  bool open_slices(const ResponseHead& head);
  void note_missing_slice(std::span<const StoredBody::Part> parts);
  bool resume_slices(std::uint64_t position);
  bool is_rest_of_slices(const ResponseHead& received) const;
  void on_slices_grown() override { body_.more(); }
  bool fetches_slice() const override { return sink_.filling(); }

  // A copy in a content coding: cache_copies.cc.
  bool key_of_copy(ContentCoding coding);
  bool make_copy(const AnswerCoding& coding);
  bool look_for_copy(const ResponseHead& head, cache::Word word);
  bool find_copy();
  bool wait_for_copy();
  bool follow_copy();
  bool copy_wait_over();
  void on_copy_grown() override;
  void on_copied_end(std::uint64_t position) override;
  BodySink& onward();  // where the rest of what is served goes
  // What is served has grown.
  void more() { copy_ != nullptr ? copy_->more() : body_.more(); }

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
  std::unique_ptr<PostBody> post_;  // where the body is part of the key
  FillSink sink_;
  StoredBody body_;
  Timer patience_;  // for the one that is followed
  Deferred overflowed_;
  std::unique_ptr<Slices> slices_;       // where what is served is in slices
  std::vector<StoredBody::Part> parts_;  // of a 206
  cache::Reader copied_;                 // a copy of what is served, which is given instead
  std::unique_ptr<CodedCopy> copy_;      // or that is being made; refers to serving_
  cache::Key copy_key_{};                // of copied_
  cache::Fill copy_fill_;                // joined, of copy_key_
  cache::Word kept_word_{};
  cache::Reader kept_;  // to be served once another has made its copy
  ContentCoding copy_coding_ = ContentCoding::identity;
  Error lost_{Side::upstream, {}};
  std::uint64_t rest_from_ = 0, rest_to_ = 0;
  std::optional<std::uint64_t> asked_slice_;  // nullopt: the whole was asked for
  std::uint64_t seen_ = 0;  // stored_seq() of what the last look found; 0: nothing
  std::int64_t asked_at_ = 0, told_at_ = 0;
  unsigned looks_ = 0, disk_looks_ = 0;
  Role role_ = Role::looking;
  bool mark_is_soft_ = false;  // softly purged
  bool no_store_ = false;
  bool waits_for_disk_ = false;  // follower_ is of the cache keeper
  bool from_disk_ = false;       // what is found next was on disk
  bool validates_ = false;       // the peer is asked whether stored_ is good still
  bool in_parts_ = false;        // the client gets a 206
  bool waits_for_copy_ = false;  // follower_ is of who makes a copy of kept_
  bool waited_for_copy_ = false;
  bool gives_copy_ = false;  // copied_ is given
  bool may_copy_ = false;    // it gets the body from its beginning to its end
  bool alone_ = false;       // the client is gone
};

}  // namespace weir
