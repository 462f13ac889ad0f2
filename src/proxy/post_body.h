// PostBody: the body of a POST whose answer may be stored: read whole before anything is looked up,
// because it is part of the key. What was read goes on to a peer from here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "event/loop.h"
#include "proxy/body_replay.h"
#include "proxy/exchange_state.h"

namespace weir {

class PostBody final : private GatherOwner {
 public:
  // `gathered` is called in a later turn: it is whole, or longer than bytes_max, or there is no
  // room for it. Until then the client may fail or leave, of which the exchange hears.
  PostBody(ExchangeState& state, std::uint64_t bytes_max, Deferred::Callback gathered, void* owner);
  PostBody& operator=(PostBody&&) = delete;  // pinned

  void start();
  void stop();
  // Trailers, which a stored answer knows nothing of, are one more reason to pass.
  bool usable() const {
    return !has_body_ || (replay_ && replay_->has_all() && !replay_->has_trailers());
  }
  // A body means what the fields beside it say: they are hashed with it.
  void append_key(std::string& key) const;
  // For those who send it on; nullptr: there is no body.
  std::unique_ptr<BodyReplay> take() { return std::move(replay_); }

 private:
  void on_gathered() override { gathered_.schedule(); }

  ExchangeState& state_;
  const bool has_body_;
  std::unique_ptr<BodyReplay> replay_;
  Deferred gathered_;
};

}  // namespace weir
