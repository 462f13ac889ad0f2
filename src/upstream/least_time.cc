#include "upstream/least_time.h"

#include <algorithm>

namespace weir {
namespace {

std::int64_t age_of(const shm::PeerRow& row, clock::Monotonic now) {
  return now.time_since_epoch().count() - static_cast<std::int64_t>(row.ewma_ns.get());
}

}  // namespace

void LeastTime::ask_others(const Roster& roster, clock::Monotonic now) {
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

// 0: nobody knows.
float LeastTime::latency_of(const Peer& peer, std::size_t index, clock::Monotonic now) const {
  latency::Combined all = others_[index];
  const shm::PeerRow& row = peer.row();
  all.add(row.ewma_us.get(), age_of(row, now));
  return all.us();
}

// Who is not known yet is taken to be as good as the best: so it is tried, and requests in flight
// keep it from being stormed.
bool LeastTime::find_costs(const Roster& roster, clock::Monotonic now, bool renewed,
                           std::span<float> costs) {
  if (!renewed && now - asked_ < others_after) return false;
  asked_ = now;
  ask_others(roster, now);
  stranger_ = 0;
  for (std::size_t i = 0; i < roster.size(); ++i) {
    costs[i] = latency_of(*roster.peers[i], i, now);
    if (costs[i] > 0 && (stranger_ == 0 || costs[i] < stranger_)) stranger_ = costs[i];
  }
  if (stranger_ <= 0) stranger_ = 1;
  for (std::size_t i = 0; i < roster.size(); ++i) {
    if (costs[i] <= 0) costs[i] = stranger_;
    costs[i] /= static_cast<float>(roster.weights[i]);
  }
  return true;
}

void LeastTime::find_cost(const Roster& roster, std::size_t index, clock::Monotonic now, Ask ask,
                          std::span<float> costs) {
  const Peer& peer = *roster.peers[index];
  const PeerPlace& place = peer.place();
  if (ask == Ask::all && place.table != nullptr) {
    others_[index] = {};
    place.table->for_each_slot([&](std::uint32_t slot) {
      if (slot == place.slot.index) return;
      const shm::PeerRow& row = place.table->row(slot, peer.cell_index());
      others_[index].add(row.ewma_us.get(), age_of(row, now));
    });
  }
  const float known = latency_of(peer, index, now);
  costs[index] = (known > 0 ? known : stranger_) / static_cast<float>(roster.weights[index]);
}

}  // namespace weir
