// Instance: what stands for the whole life of a master, in one place for its parts (reload,
// respawn, watchdog, control ...), and the generations.
//
// Owned by the Master, which is the only one to make and destroy it. Parts hold references.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/load.h"
#include "conf/model.h"
#include "os/notify.h"
#include "os/privileges.h"
#include "process/application.h"
#include "process/children.h"
#include "process/listeners.h"
#include "process/log_files.h"
#include "process/poller.h"
#include "shm/zones.h"

namespace weir::process {

// All that one reading of the configuration brought up.
struct Generation {
  enum class State : unsigned char { starting, serving, draining };
  std::uint64_t number = 0;
  State state = State::starting;
  // In this order: what stands lower refers to what stands above it.
  std::unique_ptr<conf::Inputs> inputs;
  std::unique_ptr<conf::Config> config;
  std::unique_ptr<Blueprint> blueprint;
  WantedListens listens, admin_listens;
  unsigned workers = 1;
  std::optional<Identity> identity;  // of its children; nullopt: who the master is
  Poller::Clock::time_point started, retired_at;
};
std::string_view name(Generation::State state);

struct Instance {
  Instance(Poller& poller_, shm::Zones& zones_, Application& application_)
      : poller(poller_), zones(zones_), application(application_), children(poller_, zones_) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  conf::LoadOptions load_options;  // which files, for every reload
  Poller& poller;
  shm::Zones& zones;
  Application& application;
  Children children;
  Listeners listeners;        // of the servers
  Listeners admin_listeners;  // of [admin], polled by the housekeeper
  LogFiles logs;
  ServiceManager manager;
  std::vector<std::unique_ptr<Generation>> generations;  // oldest first, with one that starts
  Generation* current = nullptr;  // serves; null before the first one, and when all were retired
  std::uint64_t next_generation = 1;
  bool detached = false;  // from the terminal
  bool ending = false;    // stop or quit: nothing is started any more
  Poller::Clock::time_point started = Poller::Clock::now();

  Generation* find(std::uint64_t number) const;
};

// Who the children run as. An empty text: done (nullopt: as the master is).
std::string identity_of(const conf::Config& config, std::optional<Identity>& out);
unsigned workers_of(const conf::Config& config);

}  // namespace weir::process
