#include "process/upstream_list.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "upstream/discovery_source.h"
#include "upstream/membership.h"

namespace weir::process {
namespace {

using json = nlohmann::ordered_json;

struct Row {
  std::string address;
  const conf::PeerConf* from_file = nullptr;  // null: found, or added by command
};

json seconds_since(std::int64_t then_ns, std::int64_t now_ns) {
  if (then_ns == 0) return nullptr;
  return std::max<std::int64_t>(now_ns - then_ns, 0) / 1'000'000'000;
}

std::string state_of(const conf::UpstreamConf& group, const shm::PeerInfo& info,
                     std::int64_t now_ns) {
  if (info.ejected_until_ns > now_ns) return "EJECTED";
  if (group.health_check->kind == conf::HealthCheckConf::Kind::off) return "UNCHECKED";
  return std::string(shm::name(info.word.health));
}

json source_of(const conf::UpstreamConf& group, const Row& row, const shm::PeerWord& word) {
  if (row.from_file != nullptr) return "server";
  if (word.line == 0) return "command";
  if (word.line > group.discover.size()) return "an earlier configuration";
  return source_name(group.discover[word.line - 1]);
}

// What the peer weighs when all is said: an order, else its source, else its line.
std::uint32_t weight_of(const conf::UpstreamConf& group, const Row& row,
                        const shm::PeerWord& word) {
  if (word.weight != 0) return word.weight;
  if (row.from_file != nullptr) return row.from_file->options.weight;
  const conf::PeerOptions* const options = options_of_line(group, word.line);
  return options != nullptr ? options->weight : 1;
}

bool is_backup(const conf::UpstreamConf& group, const Row& row, const shm::PeerWord& word) {
  if (row.from_file != nullptr) return row.from_file->options.backup;
  const conf::PeerOptions* const options = options_of_line(group, word.line);
  return word.backup || (options != nullptr && options->backup);
}

// What an operator wants of the peer, else the file, else the peer itself through its agent.
std::string order_of(const Row& row, const shm::PeerWord& word) {
  if (word.order != shm::Order::none) return std::string(shm::name(word.order));
  if (row.from_file != nullptr && row.from_file->options.down) return "down";
  if (row.from_file != nullptr && row.from_file->options.drain) return "drain";
  if (word.said == shm::Said::maintenance) return "agent: maint";
  if (word.said == shm::Said::drain) return "agent: drain";
  return word.said_down ? "agent: down" : "";
}

json peer_of(const conf::UpstreamConf& group, const Row& row, const shm::Zones& zones,
             std::int64_t now_ns) {
  const auto cell = zones.peers.find(shm::PeerName{group.name, row.address, {}}.id());
  const shm::PeerInfo info = cell ? zones.peers.info(*cell) : shm::PeerInfo{};
  const shm::PeerTotals totals = cell ? zones.peers.totals(*cell) : shm::PeerTotals{};
  json out{{"peer", row.address},
           {"state", state_of(group, info, now_ns)},
           {"since_s", seconds_since(info.since_ns, now_ns)},
           {"order", order_of(row, info.word)},
           {"weight", weight_of(group, row, info.word)},
           {"share", info.word.share == 0 ? 100 : info.word.share - 1},
           {"backup", is_backup(group, row, info.word)},
           {"in_flight", totals.in_flight},
           {"requests", totals.requests},
           {"failures", totals.failures},
           {"failed_in_a_row", info.failed_in_a_row},
           {"last_healthy_s", seconds_since(info.healthy_ns, now_ns)},
           {"probe_us", info.probe_us},
           {"source", source_of(group, row, info.word)},
           {"last_error", info.error}};
  return out;
}

}  // namespace

std::string upstream_list(const conf::Config& config, const shm::Zones& zones) {
  const std::int64_t now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
  std::unordered_map<std::uint64_t, std::vector<std::string>> members;  // by group
  for (std::uint32_t i = 0; i < zones.peers.capacity(); ++i) {
    const std::uint64_t group = zones.peers.cell(i).group.load(std::memory_order_acquire);
    if (group == 0) continue;
    const auto word = shm::PeerWord::unpack(zones.peers.cell(i).word.load());
    if (!word.discovered || word.line == shm::former_line) continue;
    members[group].push_back(zones.peers.info(i).address);
  }
  json groups = json::array();
  for (const conf::UpstreamConf& group : config.upstreams) {
    json peers = json::array();
    std::vector<std::string> known;
    for (const conf::PeerConf& peer : group.peers) {
      known.push_back(peer.address.to_string());
      peers.push_back(peer_of(group, {known.back(), &peer}, zones, now_ns));
    }
    std::sort(known.begin(), known.end());
    auto& found = members[shm::group_id(group.name)];
    std::sort(found.begin(), found.end());
    for (const std::string& address : found) {
      if (std::binary_search(known.begin(), known.end(), address)) continue;
      peers.push_back(peer_of(group, {address, nullptr}, zones, now_ns));
    }
    groups.push_back({{"name", group.name}, {"peers", std::move(peers)}});
  }
  return json{{"upstreams", std::move(groups)}}.dump(-1, ' ', false,
                                                     json::error_handler_t::replace);
}

}  // namespace weir::process
