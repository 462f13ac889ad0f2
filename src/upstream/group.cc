#include "upstream/group.h"

#include "base/log.h"
#include "upstream/round_robin.h"

namespace weir {
namespace {

PoolLimits limits_of(const conf::UpstreamConf& conf) {
  return {.connections = *conf.keepalive,
          .idle = *conf.keepalive_timeout,
          .requests = *conf.keepalive_requests,
          .age = *conf.keepalive_time};
}

std::unique_ptr<Balancer> balancer_of(const conf::UpstreamConf& conf) {
  switch (*conf.balance) {
    case conf::Balance::round_robin: return std::make_unique<RoundRobin>();
    case conf::Balance::least_conn:
    case conf::Balance::random:
    case conf::Balance::least_time:
    case conf::Balance::hash:
    case conf::Balance::ip_hash:
    case conf::Balance::first:
    case conf::Balance::least_load: break;
  }
  assert(false && "conf/ refuses it as not built yet");
  return nullptr;
}

}  // namespace

Group::Group(Loop& loop, const conf::UpstreamConf& conf, tls::UpstreamContext* tls)
    : conf_(conf), tls_(tls), balancer_(balancer_of(conf)), pool_(loop, limits_of(conf)) {
  assert((tls_ != nullptr) == *conf.ssl);
  peers_.reserve(conf.peers.size());
  for (const conf::PeerConf& peer : conf.peers) {
    peers_.push_back(std::make_unique<Peer>(peer.address, peer.host, *conf.ssl ? "https" : "http"));
  }
}

Peer* Group::pick(TriedPeers& tried) {
  const clock::Monotonic now = clock::now();
  std::size_t index = balancer_->pick(Candidates(peers_, tried, now, false));
  if (index == no_peer) index = balancer_->pick(Candidates(peers_, tried, now, true));
  if (index == no_peer) return nullptr;
  tried.add(index);
  return peers_[index].get();
}

void Group::connect_failed(Peer& peer, const Error& why) {
  if (!peer.shunned(clock::now())) {
    log::warn("upstream {}: {} left alone for {} ms: {}", conf_.name, peer.name(),
              shun_time.count(), why.what);
  }
  peer.shun_until(clock::now() + shun_time);
}

void Group::connected(Peer& peer) { peer.shun_until({}); }

}  // namespace weir
