// Sightings: a short look whether what was found before still is there. Nothing of a chunk is ever
// written again while its segment has the same generation, but for the word that says whether the
// body is whole, and the reference names that generation: where the entry has the same reference,
// the key that was compared and the checksums that were right still are.
#include "cache/cores.h"

namespace weir::cache {

Sighting Store::sighting(const Key& key, const Reader& found) const {
  const std::uint32_t number = inner_->index.find(key.hash);
  const Ref ref = found.core_->ref;
  if (number == nothing || inner_->index.ref(number) != ref) return {};
  return {number, key.hash, ref.word(), found.stored_seq()};
}

bool Store::still_sees(const Sighting& it) {
  const Inner& inner = *inner_;
  const Ref ref(it.ref);
  if (!ref || inner.index.tag(it.number).load(std::memory_order_acquire) != it.hash ||
      inner.index.ref(it.number) != ref || !inner.segments.pin(ref))
    return false;
  const auto& head = *reinterpret_cast<const Head*>(inner.segments.bytes(ref));
  const auto body = Body::of(head.body.load(std::memory_order_seq_cst));
  const bool stands = body && body->progress == Body::Progress::complete && !body->soft &&
                      inner.purges.none_since(it.seq) &&
                      (it.seq != seq_first || inner.earlier_holds());
  inner.segments.unpin(ref.segment());
  if (stands) inner.queues.found(inner.index.entry(it.number));
  return stands;
}

}  // namespace weir::cache
