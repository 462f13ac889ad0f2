// Group: one upstream of the configuration as a worker runs it: its peers, those of the file and
// those that discovery found, in tiers by fitness; the balancers that choose among them; and the
// pool of idle connections. Made after fork, from a Config that outlives it; pinned.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>

#include "conf/model.h"
#include "event/loop.h"
#include "shm/zones.h"
#include "upstream/hedge_delay.h"
#include "upstream/pool.h"
#include "upstream/retry_budget.h"
#include "upstream/sticky.h"
#include "upstream/tiers.h"
#include "upstream/wait_queue.h"

namespace weir {

namespace tls {
class UpstreamContext;
}

// Where the worker stands among all; no zones: nothing is shared (tests).
struct GroupPlace {
  shm::Zones* zones = nullptr;
  shm::SlotId slot{};
};

class Group {
 public:
  // `tls` is null when the upstream has no `ssl = on`; it outlives the group.
  Group(Loop& loop, const conf::UpstreamConf& conf, tls::UpstreamContext* tls,
        const GroupPlace& place = {});
  Group& operator=(Group&&) = delete;  // pinned

  const conf::UpstreamConf& conf() const { return conf_; }
  const Peers& peers() const { return peers_; }
  Pool& pool() { return pool_; }
  tls::UpstreamContext* tls() { return tls_; }

  enum class Nobody : std::uint8_t {
    left,  // each that is fit was tried
    busy,  // who is left is at its max_conns
    fit,   // no peer is fit (and when_all_down = fail), or there are none
  };
  struct Picked {
    InFlight in_flight;  // empty: nobody
    Nobody nobody = Nobody::left;
  };
  // Who gets the next try of a request; it is noted in `tried` and counts as in flight.
  Picked pick(TriedPeers& tried, std::uint64_t key);

  // Who is bound to a peer and may still be sent there gets there; else nobody, and `busy` says
  // that it is only at its max_conns. The first try of a request, if at all.
  Picked pick_bound(TriedPeers& tried, Peer& peer);

  // The peer that a client is bound to, by what it brought: the value of the sticky cookie, field
  // or session. nullptr: none.
  Peer* bound_to(std::string_view value);
  // The peer that answered it named this session.
  void learn(std::string_view session, const Peer& peer);
  const Sticky& sticky() const { return sticky_; }

  Peer* peer(std::uint64_t id);  // by identity; nullptr: no member

  WaitQueue& queue() { return queue_; }

  // No connection could be made: this worker leaves the peer alone for `shun_time`.
  // `what`: a bit of RetryConf::On.
  void connect_failed(Peer& peer, const Error& why, std::uint32_t what = conf::RetryConf::error);
  void connected(Peer& peer);
  static constexpr std::chrono::milliseconds shun_time{1000};

  // A request failed at the peer, or was answered with a status that may be one of failure: counts
  // against it for all workers (max_fails), where `fail_on` has it.
  void failed(Peer& peer, std::uint32_t what = conf::RetryConf::error);
  // True: it counted.
  bool answered(Peer& peer, int status) { return status >= 400 && count_status(peer, status); }

  // Requests and retries of this worker are counted there.
  RetryBudget& retry_budget() { return retry_budget_; }
  // After how long a second peer is asked (`hedge`); nullopt: it is off, or too little is known.
  std::optional<std::chrono::milliseconds> hedge_delay();

 private:
  bool count_against(Peer& peer, std::uint32_t what);
  bool count_status(Peer& peer, int status);
  void look();  // when something changed since the last look
  void take_members();
  bool checks_are_stale(clock::Monotonic now) const;
  PeerPlace place_of_peers() const;
  shm::GroupRow* own_row() const;
  Peer* member(std::uint64_t id) const;
  SipKey secret() const;
  std::uint64_t session_key(std::string_view session) const;
  void add_peer(std::size_t number, const conf::PeerConf& peer);

  const conf::UpstreamConf& conf_;
  tls::UpstreamContext* tls_;
  GroupPlace place_;
  Peers peers_;
  std::unordered_map<std::uint64_t, Peer*> by_id_;  // of peers_
  Peers leaving_;                                   // no members any more, but still used
  Tiers tiers_;
  Sticky sticky_;
  WaitQueue queue_;
  std::uint64_t epoch_ = 0;
  bool stale_ = false;
  bool changed_ = true;  // by this worker: shunned, welcome again
  Pool pool_;
  RetryBudget retry_budget_;
  HedgeDelay hedge_delay_;
};

}  // namespace weir
