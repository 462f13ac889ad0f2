// First: the first peer of the list that has room (max_conns), so that the others stay idle.
//
// Where the first ones are full, looking at them costs a look at the rows of all workers for each.
// So who was found full is looked at again after a millisecond, or when a pick finds nobody else.
#pragma once

#include "upstream/balancer.h"

namespace weir {

class First final : public Balancer {
 public:
  void renew(const Roster&) override { from_ = 0; }
  std::size_t pick(const Choice& choice) override;

 private:
  std::size_t from_ = 0;  // all before it were full
  clock::Monotonic looked_{};
};

}  // namespace weir
