// Group: one upstream of the configuration as a worker runs it: its peers, the balancer that
// chooses among them, and the pool of idle connections. Made after fork, from a Config that
// outlives it; pinned.
#pragma once

#include <chrono>
#include <memory>

#include "conf/model.h"
#include "event/loop.h"
#include "upstream/balancer.h"
#include "upstream/pool.h"

namespace weir {

namespace tls {
class UpstreamContext;
}

class Group {
 public:
  // `tls` is null when the upstream has no `ssl = on`; it outlives the group.
  Group(Loop& loop, const conf::UpstreamConf& conf, tls::UpstreamContext* tls);
  Group& operator=(Group&&) = delete;  // pinned

  const conf::UpstreamConf& conf() const { return conf_; }
  const Peers& peers() const { return peers_; }
  Pool& pool() { return pool_; }
  tls::UpstreamContext* tls() { return tls_; }

  // The balancer's choice among peers that are neither tried nor shunned; if there is none, among
  // those that are not tried. nullptr: all were tried.
  Peer* pick(TriedPeers& tried);

  // No connection could be made: this worker leaves the peer alone for `shun_time`.
  void connect_failed(Peer& peer, const Error& why);
  void connected(Peer& peer);
  static constexpr std::chrono::milliseconds shun_time{1000};

 private:
  const conf::UpstreamConf& conf_;
  tls::UpstreamContext* tls_;
  Peers peers_;
  std::unique_ptr<Balancer> balancer_;
  Pool pool_;
};

}  // namespace weir
