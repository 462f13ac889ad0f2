#include "process/upstream_view.h"

#include <algorithm>
#include <unordered_map>

namespace weir::process {
namespace {

using CellsById = std::unordered_map<std::uint64_t, std::uint32_t>;

std::string url_of(const UpstreamFacts& facts, const std::string& address) {
  return facts.scheme + "://" + address;
}

PeerView static_peer(const shm::PeerTable& table, const UpstreamFacts& upstream,
                     const PeerFacts& facts, CellsById& cells) {
  PeerView out;
  out.url = url_of(upstream, facts.address);
  out.configured = facts;
  const std::uint64_t id = shm::PeerName{upstream.name, facts.address, facts.host}.id();
  if (const auto found = cells.find(id); found != cells.end()) {
    out.info = table.info(found->second);
    out.totals = table.totals(found->second);
    cells.erase(found);  // what is left in the end is not named by the file
  }
  out.info.group = upstream.name;
  out.info.address = facts.address;
  out.info.host = facts.host;
  const shm::PeerWord& word = out.info.word;
  out.weight = word.weight != 0 ? word.weight : facts.weight;
  out.backup = facts.backup || word.backup;
  out.order = word.order != shm::Order::none ? word.order : facts.order;
  return out;
}

PeerView other_peer(const shm::PeerTable& table, const UpstreamFacts& upstream,
                    const shm::PeerInfo& info) {
  PeerView out;
  out.url = url_of(upstream, info.address);
  out.info = info;
  out.totals = table.totals(info.cell);
  const shm::PeerWord& word = info.word;
  const bool of_line = word.line != 0 && word.line <= upstream.discover.size();
  const FoundFacts found = of_line ? upstream.discover[word.line - 1] : FoundFacts{};
  out.weight = word.weight != 0 ? word.weight : found.weight;
  out.backup = word.backup || found.backup;
  out.is_static = false;
  out.order = info.word.order;
  if (!info.word.discovered && out.order == shm::Order::none) out.order = shm::Order::removed;
  return out;
}

}  // namespace

std::vector<UpstreamFacts> facts_of(const conf::Config& config) {
  std::vector<UpstreamFacts> all;
  for (const conf::UpstreamConf& upstream : config.upstreams) {
    UpstreamFacts& facts = all.emplace_back();
    facts.name = upstream.name;
    facts.scheme = *upstream.ssl ? "https" : "http";
    facts.checked = upstream.health_check->kind != conf::HealthCheckConf::Kind::off;
    for (const conf::DiscoverConf& line : upstream.discover) {
      facts.discover.push_back({line.options.weight, line.options.backup});
    }
    for (const conf::PeerConf& peer : upstream.peers) {
      const shm::Order order = peer.options.down    ? shm::Order::disabled
                               : peer.options.drain ? shm::Order::drained
                                                    : shm::Order::none;
      facts.peers.push_back(
          {peer.address.to_string(), peer.host, peer.options.weight, peer.options.backup, order});
    }
  }
  return all;
}

std::vector<UpstreamView> view_of(const shm::PeerTable& table,
                                  const std::vector<UpstreamFacts>& facts) {
  CellsById cells;
  for (std::uint32_t i = 0; i < table.capacity(); ++i) {
    const shm::PeerCell& cell = table.cell(i);
    const std::uint64_t id = cell.id.load(std::memory_order_acquire);
    if (id > shm::leaving_id && cell.group.load(std::memory_order_acquire) != 0) cells[id] = i;
  }
  std::vector<UpstreamView> out;
  for (const UpstreamFacts& upstream : facts) {
    UpstreamView& view = out.emplace_back();
    view.name = upstream.name;
    view.scheme = upstream.scheme;
    view.checked = upstream.checked;
    view.discover = upstream.discover;
    for (const PeerFacts& peer : upstream.peers) {
      view.peers.push_back(static_peer(table, upstream, peer, cells));
    }
  }
  std::vector<std::uint32_t> left;
  for (const auto& [id, index] : cells) left.push_back(index);
  std::sort(left.begin(), left.end());
  for (const std::uint32_t index : left) {
    const shm::PeerInfo info = table.info(index);
    if (!info.word.discovered && table.in_flight_of_all(index) == 0) continue;
    const auto of_group = [&](const auto& it) { return it.name == info.group; };
    auto view = std::find_if(out.begin(), out.end(), of_group);
    if (view == out.end()) {
      view = out.emplace(out.end());
      view->name = info.group;
      view->scheme = "http";
    }
    const auto known = std::find_if(facts.begin(), facts.end(), of_group);
    static const UpstreamFacts unknown;
    view->peers.push_back(other_peer(table, known != facts.end() ? *known : unknown, info));
  }
  return out;
}

}  // namespace weir::process
