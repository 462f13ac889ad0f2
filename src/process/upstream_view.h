// UpstreamView: what is known of each peer of each upstream at one moment: the shared table
// (shm/peers.h) read by the names and options that the configuration in force gives. For the status
// document and for weir-top, which gets those names and options out of the status document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/model.h"
#include "shm/peers.h"

namespace weir::process {

// What the table does not have: the upstreams, in the order of the file.
struct PeerFacts {
  std::string address, host;
  std::uint32_t weight = 1;
  bool backup = false;
  shm::Order order = shm::Order::none;  // by the file: `down`, `drain`
};
// What a `discover` line says of the peers that it finds.
struct FoundFacts {
  std::uint32_t weight = 1;
  bool backup = false;
};
struct UpstreamFacts {
  std::string name;
  std::string scheme = "http";
  bool checked = false;  // it has a health_check
  std::vector<PeerFacts> peers;
  std::vector<FoundFacts> discover;  // in the order of the lines
};
std::vector<UpstreamFacts> facts_of(const conf::Config& config);

struct PeerView {
  std::string url;  // "https://10.0.0.1:8000"
  shm::PeerInfo info{};
  shm::PeerTotals totals{};
  std::uint32_t weight = 1;
  bool backup = false;
  bool is_static = true;                // the file names it
  PeerFacts configured{};               // then
  shm::Order order = shm::Order::none;  // in force, whoever gave it

  bool ejected(std::int64_t now_ns) const { return now_ns < info.ejected_until_ns; }
};
struct UpstreamView {
  std::string name, scheme;
  bool checked = false;
  std::vector<FoundFacts> discover;
  std::vector<PeerView> peers;  // in the order of the file, then those that were discovered
};

// Peers without a cell have nothing counted yet. A peer that left is there while requests are at
// it. Upstreams that `facts` does not name come last, if anything is at their peers.
std::vector<UpstreamView> view_of(const shm::PeerTable& table,
                                  const std::vector<UpstreamFacts>& facts);

}  // namespace weir::process
