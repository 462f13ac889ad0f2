#include "upstream/least_time.h"

#include <algorithm>

namespace weir {
namespace {

std::int64_t age_of(const shm::PeerRow& row, clock::Monotonic now) {
  return now.time_since_epoch().count() - static_cast<std::int64_t>(row.ewma_ns.get());
}

}  // namespace

void LeastTime::ask_others(const Roster& roster, clock::Monotonic now) {
  asked_ = now;
  others_.assign(roster.size(), {});
  const auto shared = std::find_if(roster.peers.begin(), roster.peers.end(),
                                   [](const Peer* peer) { return peer->place().table != nullptr; });
  if (shared == roster.peers.end()) return;
  const PeerPlace& place = (*shared)->place();
  place.table->for_each_slot([&](std::uint32_t slot) {
    if (slot == place.slot.index) return;
    for (std::size_t i = 0; i < roster.size(); ++i) {
      if (roster.peers[i]->place().table == nullptr) continue;
      const shm::PeerRow& row = place.table->row(slot, roster.peers[i]->cell_index());
      others_[i].add(row.ewma_us.get(), age_of(row, now));
    }
  });
}

void LeastTime::find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                           std::span<float> costs) {
  if (renewed || now - asked_ >= others_after) ask_others(roster, now);
  float lowest = 0;  // of those that are known
  for (std::size_t i = 0; i < roster.size(); ++i) {
    latency::Combined all = others_[i];
    const shm::PeerRow& row = roster.peers[i]->row();
    all.add(row.ewma_us.get(), age_of(row, now));
    costs[i] = all.us();
    if (costs[i] > 0 && (lowest == 0 || costs[i] < lowest)) lowest = costs[i];
  }
  // Who is not known yet is taken to be as good as the best: so it is tried, and requests in flight
  // keep it from being stormed.
  for (std::size_t i = 0; i < roster.size(); ++i) {
    if (costs[i] <= 0) costs[i] = lowest > 0 ? lowest : 1;
    costs[i] /= static_cast<float>(roster.weights[i]);
  }
}

}  // namespace weir
