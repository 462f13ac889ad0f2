// BlankStores: the stores of a configuration, which forget all that a run has left in them.
//
// Their zones are mapped anew for this process alone: what it writes goes to copies of the pages,
// and to throw these away (blank()) makes each zone what it was when it was made. That takes some
// microseconds; a new zone, with the eventfds of all slots, takes milliseconds.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cache/store.h"
#include "conf/model.h"

namespace weir::fuzz {

class BlankStores {
 public:
  BlankStores(const conf::Config& config, shm::SlotId slot);
  BlankStores& operator=(BlankStores&&) = delete;

  // No reader, fill or follower of theirs may be left.
  void blank() const;
  std::span<const std::shared_ptr<cache::Store>> all() const { return stores_; }

 private:
  std::vector<std::shared_ptr<cache::Store>> stores_;
};

}  // namespace weir::fuzz
