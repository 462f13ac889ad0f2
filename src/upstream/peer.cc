#include "upstream/peer.h"

#include "base/log.h"
#include "upstream/latency.h"
#include "upstream/wait_queue.h"

namespace weir {

struct Peer::Unshared {
  shm::PeerCell cell{};
  shm::PeerRow row{};
  std::atomic<std::uint32_t> in_flight{0}, changes{0};
};

Peer::Peer(std::size_t number, const conf::PeerConf& conf, std::string_view group,
           std::string_view scheme, const PeerPlace& place)
    : number_(number),
      conf_(conf),
      name_(conf.address.to_string()),
      place_(place),
      max_conns_(conf.options.max_conns) {
  url_.append(scheme).append("://").append(name_);
  const shm::PeerName name{group, name_, conf_.host};
  id_ = name.id();
  if (place_.table != nullptr) {
    const auto now_ns = clock::now().time_since_epoch().count();
    // The cell may be freed between the claim and our word that we use it: then it is claimed anew.
    for (int attempt = 0; attempt < 3 && cell_ == nullptr; ++attempt) {
      const auto index = place_.table->claim(name, now_ns);
      if (!index) break;
      if (!place_.table->attach(place_.slot, *index, id_)) continue;
      index_ = *index;
      cell_ = &place_.table->cell(index_);
      row_ = &place_.table->row(place_.slot.index, index_);
      in_flight_ = &place_.table->in_flight(place_.slot.index, index_);
      changes_ = &place_.table->changes(place_.slot.index, index_);
    }
    if (cell_ == nullptr) {
      log::error("upstream {}: no room to share what is known of {}: upstream_peers_max is {}",
                 group, name_, place_.table->capacity());
      place_.table = nullptr;
    }
  }
  if (cell_ == nullptr) {
    unshared_ = std::make_unique<Unshared>();
    cell_ = &unshared_->cell;
    row_ = &unshared_->row;
    in_flight_ = &unshared_->in_flight;
    changes_ = &unshared_->changes;
  }
}

Peer::~Peer() {
  assert(!is_used());
  if (place_.table != nullptr) place_.table->detach(place_.slot, index_);
}

// This worker is the only writer of both.
void Peer::set_in_flight(std::uint32_t count, std::memory_order order) {
  in_flight_->store(count, order);
  changes_->store(changes_->load(std::memory_order_relaxed) + 1, std::memory_order_release);
  touch();
}

bool Peer::enter() {
  const std::uint32_t most = max_conns_;
  const std::uint32_t own = own_in_flight() + 1;
  if (most == 0) {
    set_in_flight(own, std::memory_order_relaxed);
  } else {
    set_in_flight(own, std::memory_order_seq_cst);
    if (in_flight() > most) {
      set_in_flight(own - 1, std::memory_order_relaxed);
      return false;
    }
  }
  row_->requests.add();
  return true;
}

void Peer::leave() {
  const std::uint32_t own = own_in_flight();
  assert(own > 0);
  set_in_flight(own - 1, std::memory_order_relaxed);
  if (queue_ != nullptr) queue_->room();
}

void Peer::answered(std::chrono::microseconds until_head, int status, clock::Monotonic now) {
  const auto us = static_cast<std::uint64_t>(until_head.count());
  row_->latency_us.add(us);
  auto& bucket = row_->latency[LatencyScale::bucket_of(us)];
  bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (status >= 500) row_->answers_5xx.add();
  const auto now_ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const auto age_ns = static_cast<std::int64_t>(now_ns - row_->ewma_ns.get());
  row_->ewma_us.set(latency::updated(row_->ewma_us.get(), age_ns, us));
  row_->ewma_ns.set(now_ns);
  touch();
}

// Without these the percentile that made us impatient would sink with each look.
void Peer::outrun(std::chrono::microseconds waited) {
  auto& bucket = row_->latency[LatencyScale::bucket_of(static_cast<std::uint64_t>(waited.count()))];
  bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Peer::add_latencies(std::span<std::uint64_t, LatencyScale::buckets> to) const {
  const auto add = [&](const shm::PeerRow& row) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] += row.latency[i].load(std::memory_order_relaxed);
    }
  };
  if (place_.table == nullptr) return add(*row_);
  place_.table->for_each_slot([&](std::uint32_t slot) { add(place_.table->row(slot, index_)); });
}

void Peer::failed() { row_->failures.add(); }

void Peer::count_against(std::uint32_t what) {
  cell_->failure.store(what, std::memory_order_relaxed);
  cell_->failures.fetch_add(1, std::memory_order_release);
}

void Peer::take_limits() {
  const auto said = static_cast<std::uint32_t>(cell_->max_conns.load(std::memory_order_relaxed));
  max_conns_ = said != 0 ? said : conf_.options.max_conns;
}

}  // namespace weir
