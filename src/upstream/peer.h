// Peer: one address of an upstream group, as this worker sees it. Owned by its Group, at a fixed
// address until nothing refers to it any more, so that connections and attempts may point at it.
//
// What all workers know of the peer stands in its shared cell, what this worker has with it in its
// shared row (shm/peers.h). A peer for which no cell was left has both for itself alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/list.h"
#include "conf/model.h"
#include "os/address.h"
#include "shm/peers.h"
#include "upstream/touched.h"

namespace weir {

class PeerConnection;
class WaitQueue;
struct IdleAtPeer {};  // tag: the idle connections of one peer, newest first

// Where a worker stands in the shared table; no table: nothing is shared (tests).
struct PeerPlace {
  const shm::PeerTable* table = nullptr;
  shm::SlotId slot{};
};

class Peer {
 public:
  // `conf.host` is the peer as the configuration names it (for SNI and verification). `number` is
  // unique in the group while the peer is in it.
  Peer(std::size_t number, const conf::PeerConf& conf, std::string_view group,
       std::string_view scheme, const PeerPlace& place);
  ~Peer();
  Peer& operator=(Peer&&) = delete;  // pinned

  std::size_t number() const { return number_; }
  std::uint64_t id() const { return id_; }
  const Address& address() const { return conf_.address; }
  std::string_view name() const { return name_; }  // "127.0.0.1:8000", "unix:/run/app.sock"
  std::string_view url() const { return url_; }    // "https://127.0.0.1:8000"
  std::string_view host() const { return conf_.host; }
  const conf::PeerOptions& options() const { return conf_.options; }
  void set_options(const conf::PeerOptions& options) {
    conf_.options = options;
    take_limits();
  }

  const shm::PeerCell& cell() const { return *cell_; }
  const shm::PeerRow& row() const { return *row_; }
  const PeerPlace& place() const { return place_; }  // no table: nothing of it is shared
  std::uint32_t cell_index() const { return index_; }
  shm::PeerWord word() const {
    return shm::PeerWord::unpack(cell_->word.load(std::memory_order_acquire));
  }
  std::uint32_t weight(const shm::PeerWord& word) const {
    return word.weight != 0 ? word.weight : conf_.options.weight;
  }

  // Requests in flight, of this worker and of all.
  std::uint32_t own_in_flight() const { return in_flight_->load(std::memory_order_relaxed); }
  const std::atomic<std::uint32_t>& own_counter() const { return *in_flight_; }
  std::uint64_t in_flight() const {
    return place_.table != nullptr ? place_.table->in_flight_of_all(index_) : own_in_flight();
  }
  bool has_room() const { return max_conns_ == 0 || in_flight() < max_conns_; }
  // max_conns, as the configuration or the peer's own agent has it now.
  void take_limits();
  // One more request, unless that would be more than max_conns over all workers: each counts itself
  // before it looks, so two that meet at the limit may both turn away, and never both pass.
  [[nodiscard]] bool enter();
  void leave();
  void set_queue(WaitQueue* queue) { queue_ = queue; }  // hears of each that leaves
  // Who compares many peers hears where something of this worker changed: requests in flight,
  // latency. One at a time; the last one that said so.
  void watch(std::shared_ptr<Touched> by, std::size_t index) {
    watched_by_ = std::move(by);
    index_of_watch_ = index;
  }

  // What became of a request, for all to see.
  void answered(std::chrono::microseconds until_head, int status,
                clock::Monotonic now = clock::now());
  void failed();
  // Passive: the housekeeper adds them up. `what`: a bit of RetryConf::On.
  void count_against(std::uint32_t what);
  // Given up for another peer that was quicker: it would have taken longer than this.
  void outrun(std::chrono::microseconds waited);
  // Latencies of all workers, by LatencyScale.
  void add_latencies(std::span<std::uint64_t, LatencyScale::buckets> to) const;

  // A connection could not be made: this worker leaves the peer alone until then, unless it has no
  // other.
  void shun_until(clock::Monotonic time) { shunned_until_ = time; }
  bool shunned(clock::Monotonic now) const { return now < shunned_until_; }
  clock::Monotonic shunned_until() const { return shunned_until_; }

  List<PeerConnection, IdleAtPeer>& idle() { return idle_; }
  bool is_used() const { return own_in_flight() != 0 || !idle_.empty(); }

  // The file names it; else it is there by discovery, while its cell says so.
  bool is_static() const { return static_; }
  void set_static(bool value) { static_ = value; }

 private:
  struct Unshared;
  void touch() {
    if (watched_by_ != nullptr) watched_by_->mark(index_of_watch_);
  }
  void set_in_flight(std::uint32_t count, std::memory_order order);

  std::size_t number_;
  conf::PeerConf conf_;
  std::string name_, url_;
  std::uint64_t id_;
  PeerPlace place_;
  std::uint32_t index_ = 0;  // of the cell
  std::unique_ptr<Unshared> unshared_;
  shm::PeerCell* cell_ = nullptr;
  shm::PeerRow* row_ = nullptr;
  std::atomic<std::uint32_t>*in_flight_ = nullptr, *changes_ = nullptr;
  clock::Monotonic shunned_until_{};
  std::uint32_t max_conns_;
  WaitQueue* queue_ = nullptr;
  std::shared_ptr<Touched> watched_by_;
  std::size_t index_of_watch_ = 0;
  bool static_ = true;
  List<PeerConnection, IdleAtPeer> idle_;
};

// A request in flight at a peer, for as long as this lives.
class InFlight {
 public:
  InFlight() = default;
  explicit InFlight(Peer& entered) : peer_(&entered) {}
  InFlight(InFlight&& other) noexcept : peer_(std::exchange(other.peer_, nullptr)) {}
  InFlight& operator=(InFlight&& other) noexcept {
    if (this != &other) {
      reset();
      peer_ = std::exchange(other.peer_, nullptr);
    }
    return *this;
  }
  ~InFlight() { reset(); }

  explicit operator bool() const { return peer_ != nullptr; }
  Peer* peer() const { return peer_; }
  void reset() {
    if (Peer* const peer = std::exchange(peer_, nullptr)) peer->leave();
  }

 private:
  Peer* peer_ = nullptr;
};

}  // namespace weir
