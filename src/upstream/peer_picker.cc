#include "upstream/peer_picker.h"

#include <algorithm>

namespace weir {

PeerPicker::PeerPicker(Group& group, std::uint64_t key, Peer* bound)
    : group_(&group), key_(key), bound_id_(bound != nullptr ? bound->id() : 0) {}

Group::Picked PeerPicker::next() {
  Group::Picked picked;
  if (last_ == no_peer) picked = bound();
  if (!picked.in_flight) picked = group_->pick(tried_, key_);
  if (picked.in_flight) last_ = picked.in_flight.peer()->number();
  return picked;
}

Group::Picked PeerPicker::bound() {
  Peer* const peer = bound_id_ != 0 ? group_->peer(bound_id_) : nullptr;
  if (peer == nullptr) return {};
  Group::Picked picked = group_->pick_bound(tried_, *peer);
  bound_was_busy_ = !picked.in_flight && picked.nobody == Group::Nobody::busy;
  return picked;
}

Group::Picked PeerPicker::next_or_again() {
  Group::Picked picked = next();
  if (picked.in_flight || last_ == no_peer) return picked;
  tried_ = avoided_;
  tried_.add(last_);
  picked = next();
  if (picked.in_flight) return picked;
  tried_ = avoided_;
  return next();
}

std::chrono::milliseconds PeerPicker::share_of(std::chrono::milliseconds limit) const {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(spent_);
  const auto left = std::max(limit - passed, std::chrono::milliseconds::zero());
  return tried_.count() < group_->peers().size() ? (left + std::chrono::milliseconds(1)) / 2 : left;
}

}  // namespace weir
