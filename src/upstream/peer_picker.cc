#include "upstream/peer_picker.h"

#include <algorithm>

namespace weir {

Group::Picked PeerPicker::next() {
  if (tried_.count() == 0) first_ = clock::now();
  return group_->pick(tried_, key_);
}

std::chrono::milliseconds PeerPicker::share_of(std::chrono::milliseconds limit) const {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - first_);
  const auto left = std::max(limit - passed, std::chrono::milliseconds::zero());
  return tried_.count() < group_->peers().size() ? (left + std::chrono::milliseconds(1)) / 2 : left;
}

}  // namespace weir
