#include "process/upstream_list.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "process/upstream_view.h"
#include "upstream/discovery_source.h"

namespace weir::process {
namespace {

Json seconds_since(std::int64_t then_ns, std::int64_t now_ns) {
  if (then_ns == 0) return nullptr;
  return std::max<std::int64_t>(now_ns - then_ns, 0) / 1'000'000'000;
}

std::string_view state_of(const UpstreamView& group, const PeerView& peer, std::int64_t now_ns) {
  if (peer.ejected(now_ns)) return "EJECTED";
  return group.checked ? shm::name(peer.info.word.health) : "UNCHECKED";
}

std::string source_of(const conf::UpstreamConf& group, const PeerView& peer) {
  const std::uint8_t line = peer.info.word.line;
  if (peer.is_static) return "server";
  if (line == 0) return "command";
  if (line > group.discover.size()) return "an earlier configuration";
  return source_name(group.discover[line - 1]);
}

// What an operator wants of the peer, else the file, else the peer itself through its agent.
std::string_view order_of(const PeerView& peer) {
  const shm::PeerWord& word = peer.info.word;
  if (word.order != shm::Order::none) return shm::name(word.order);
  if (peer.order == shm::Order::disabled) return "down";
  if (peer.order == shm::Order::drained) return "drain";
  if (word.said == shm::Said::maintenance) return "agent: maint";
  if (word.said == shm::Said::drain) return "agent: drain";
  return word.said_down ? "agent: down" : "";
}

Json peer_of(const conf::UpstreamConf& conf, const UpstreamView& group, const PeerView& peer,
             std::int64_t now_ns) {
  const shm::PeerInfo& info = peer.info;
  return {{"peer", info.address},
          {"state", state_of(group, peer, now_ns)},
          {"since_s", seconds_since(info.since_ns, now_ns)},
          {"order", order_of(peer)},
          {"weight", peer.weight},
          {"share", info.word.share == 0 ? 100 : info.word.share - 1},
          {"backup", peer.backup},
          {"in_flight", peer.totals.in_flight},
          {"requests", peer.totals.requests},
          {"failures", peer.totals.failures},
          {"failed_in_a_row", info.failed_in_a_row},
          {"last_healthy_s", seconds_since(info.healthy_ns, now_ns)},
          {"probe_us", info.probe_us},
          {"source", source_of(conf, peer)},
          {"last_error", info.error}};
}

// Who is listed: peers of the file, and members; not who has left and only has requests yet.
bool is_member(const PeerView& peer) {
  const shm::PeerWord& word = peer.info.word;
  return peer.is_static || (word.discovered && word.line != shm::former_line);
}

}  // namespace

std::string upstream_list(const conf::Config& config, const shm::Zones& zones) {
  const std::int64_t now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
  std::vector<UpstreamView> views = view_of(zones.peers, facts_of(config));
  Json groups = Json::array();
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {  // they come first, in this order
    UpstreamView& group = views[i];
    std::erase_if(group.peers, [](const PeerView& peer) { return !is_member(peer); });
    std::stable_sort(group.peers.begin(), group.peers.end(),
                     [](const PeerView& a, const PeerView& b) {
                       if (a.is_static || b.is_static) return a.is_static && !b.is_static;
                       return a.info.address < b.info.address;
                     });
    Json peers = Json::array();
    for (const PeerView& peer : group.peers) {
      peers.push_back(peer_of(config.upstreams[i], group, peer, now_ns));
    }
    groups.push_back({{"name", group.name}, {"peers", std::move(peers)}});
  }
  return dump_json(Json{{"upstreams", std::move(groups)}});
}

}  // namespace weir::process
