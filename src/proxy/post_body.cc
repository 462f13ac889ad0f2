#include "proxy/post_body.h"

#include "cache/key.h"
#include "guard/sha256.h"
#include "proxy/worker_context.h"

namespace weir {

PostBody::PostBody(ExchangeState& state, std::uint64_t bytes_max, Deferred::Callback gathered,
                   void* owner)
    : state_(state),
      has_body_(state.traits.framing.has_body()),
      gathered_(state.context.loop, gathered, owner) {
  if (!has_body_) return;
  replay_ =
      std::make_unique<BodyReplay>(state.context.buffers, state.arena(), state.client, bytes_max);
}

void PostBody::start() {
  if (!has_body_) return gathered_.schedule();
  // Of a body that is known to be too long nothing is read here.
  const BodyFraming& framing = state_.traits.framing;
  if (framing.kind == BodyKind::length && framing.length > replay_->bytes_max()) {
    return gathered_.schedule();
  }
  // Whoever waits to be told is told by us: the peer gets the body without being asked.
  state_.client.continue_body();
  state_.traits.expects_continue = false;
  replay_->gather(static_cast<GatherOwner&>(*this));
}

void PostBody::stop() {
  gathered_.cancel();
  if (replay_ != nullptr) state_.client.send_body_to(nullptr);
}

void PostBody::append_key(std::string& key) const {
  Sha256& sha = sha256();
  sha.begin();
  // No value has a line break: where one field ends and the body begins is not in doubt.
  for (const FieldId id :
       {FieldId::content_type, FieldId::content_encoding, FieldId::content_language}) {
    for (const Field& field : state_.request().fields) {
      if (field.id != id) continue;
      sha.add(field_name(id));
      sha.add(":");
      sha.add(field.value);
      sha.add("\n");
    }
  }
  sha.add("\n");
  if (replay_ != nullptr) {
    for (std::size_t at = 0; at < replay_->bytes_kept();) {
      const std::string_view piece = replay_->piece_at(at);
      sha.add(piece);
      at += piece.size();
    }
  }
  cache::append_body_key(sha.end(), key);
}

}  // namespace weir
