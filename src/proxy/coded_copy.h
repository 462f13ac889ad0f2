// CodedCopy: a stored answer in a content coding, while it is made: it goes into the store as an
// entry of its own and reaches the client that it is made for from there, so that a slow client
// holds up neither the coder nor those who are given the copy next.
//
//   stored answer --StoredBody--> CompressFilter --> FillSink --> store --> client
//
// Under its key stands the word of the stored body (cache/key.h), so it is found for that body
// alone; its head is always made from the answer's own. Of a copy that another process makes
// nothing is given before it is whole: that one may die, and another coder need not make the same
// bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "cache/store.h"
#include "filter/coder_filter.h"
#include "proxy/exchange_state.h"
#include "proxy/fill_sink.h"
#include "proxy/stored_body.h"

namespace weir {

// The facts a copy is stored with: it is found as long as its answer is, and goes when nobody asks
// for it any more.
cache::Facts copy_facts(int level);

class CodedCopyOwner {
 public:
  // Or it is whole, or takes no more, or is lost. Never from inside a call.
  virtual void on_copy_grown() = 0;
  // The stored answer ended before it was whole. Whatever comes next goes to entrance().
  virtual void on_copied_end(std::uint64_t position) = 0;

 protected:
  ~CodedCopyOwner() = default;
};

class CodedCopy final : public StoredBytes,
                        private StoredBodyOwner,
                        private FillOwner,
                        private cache::FollowerOwner {
 public:
  struct Place {
    cache::Store& store;
    cache::Key key;  // its text is in the arena
    ContentCoding coding;
  };
  // `answer` outlives it. The fill has begun.
  CodedCopy(ExchangeState& state, const Place& place, cache::Reader& answer, cache::Fill fill,
            std::unique_ptr<CoderFilter> coder, CodedCopyOwner& owner);
  ~CodedCopy();
  CodedCopy& operator=(CodedCopy&&) = delete;  // pinned

  void start();                    // small bodies are through with that; a second call does nothing
  void more() { feeder_.more(); }  // the stored answer has grown
  void stop();                     // nobody wants it
  BodySink& entrance() { return *coder_; }
  bool making() const { return sink_.filling(); }
  bool whole() const { return whole_; }
  bool overflowing() const { return sink_.overflowing(); }
  void go_direct(BodySink* client) { sink_.go_direct(client); }
  const Error& lost() const { return lost_; }
  CodedBytes bytes() const { return {coder_->bytes_in(), coder_->bytes_out()}; }

  std::string_view read(std::uint64_t at) override { return copy_.read(at); }
  std::uint64_t pinned_until(std::uint64_t) const override { return StoredBody::to_the_end; }
  std::optional<std::uint64_t> length() const override { return copy_.length(); }
  cache::Reader::Progress progress() const override { return copy_.progress(); }
  bool damaged() const override { return copy_.damaged(); }

 private:
  void on_stored_end(std::uint64_t position) override { owner_.on_copied_end(position); }
  void on_fill_written() override { tell(); }
  void on_fill_grown() override { tell(); }
  void on_filled() override;
  void store_together();
  void on_fill_news(cache::Follower&) override {}
  void on_overflow() override { tell(); }
  void on_fill_lost(Error why) override;
  void tell() {
    if (!grown_.scheduled()) grown_.schedule();
  }

  ExchangeState& state_;
  CodedCopyOwner& owner_;
  cache::Reader& answer_;
  cache::Reader copy_;
  FillSink sink_;
  const Place place_;
  std::unique_ptr<CoderFilter> coder_;
  StoredBody feeder_;
  Deferred grown_;
  Error lost_{Side::self, {}};
  bool started_ = false, whole_ = false;
};

}  // namespace weir
