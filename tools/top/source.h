// Source: where readings come from. The zones are fetched once over the control socket and then
// read directly, so that nothing a worker does, or does not do any more, is in the way. The master
// is asked for what the zones don't have: version, uptime, what the upstreams are; and for each
// reading, where there are some, what the caches hold.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "shm/zones.h"
#include "tools/top/reading.h"
#include "upstream/peer_command.h"

namespace weir::top {

class Source {
 public:
  explicit Source(std::string socket) : socket_(std::move(socket)) {}

  struct Trouble {
    std::string text;  // empty: none
    int exit_code = 0;
  };
  // Fetches the zones of the instance that answers now.
  Trouble attach();
  bool attached() const { return zones_ != nullptr; }

  // Needs attach(). The master is asked again when something may have changed.
  Reading read();

  // As `weirctl upstream` does. An empty text: done.
  std::string order(PeerCommand::Action action, const std::string& group, const std::string& peer);

 private:
  void ask_master(std::int64_t now_ns);
  bool newer_generation() const;
  std::vector<WorkerReading> workers() const;

  std::string socket_;
  std::unique_ptr<const shm::Zones> zones_;
  MasterReading master_;
  std::vector<process::UpstreamFacts> facts_;
  std::vector<CacheReading> caches_;
  std::int64_t asked_ns_ = 0, caches_ns_ = 0;
};

// The names and options of upstreams, and the caches, out of a status document; anything else in it
// is passed over.
struct Status {
  MasterReading master;
  std::vector<process::UpstreamFacts> upstreams;
  std::vector<CacheReading> caches;
};
Status parse_status(std::string_view json);

}  // namespace weir::top
