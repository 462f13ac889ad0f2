// Application: what the processes are there for, as the process core sees it. The core knows of
// signals, forks and generations and nothing of HTTP; the application the other way round.
//
// proxy/ is the application (process/proxy_application.h); the core's own fault tests bring one of
// ten lines. An Application lives in the master for ever, a Blueprint as long as its generation, a
// WorkerService as long as its worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "conf/inputs.h"
#include "conf/model.h"
#include "shm/zones.h"

namespace weir {
class Loop;
namespace tls {
class Contexts;
}
namespace cache {
class Stores;
}
}  // namespace weir

namespace weir::process {

class WorkerService {
 public:
  WorkerService() = default;
  WorkerService(const WorkerService&) = delete;
  WorkerService& operator=(const WorkerService&) = delete;
  virtual ~WorkerService() = default;

  // `fd` listens, is non-blocking and stays the caller's; `listen` lives as long as the generation.
  virtual void add_listener(int fd, const conf::ListenConf& listen) = 0;
  virtual void remove_listener(int fd) = 0;
  virtual void stop_accepting() = 0;     // all of them
  virtual void pause_accepting(bool) {}  // while memory is short

  // No connection is cut; `on_empty` is called from the loop, once, when the last one has gone.
  virtual void drain(void (*on_empty)(void* owner), void* owner) = 0;
  virtual void drop_idle() = 0;
  virtual void drop_tunnels() = 0;
  virtual void drop_all() = 0;
  virtual std::size_t live_connections() const = 0;
};

struct WorkerStart {
  Loop& loop;
  const conf::Config& config;
  shm::Zones& zones;
  shm::SlotId slot;
};

class Blueprint {
 public:
  Blueprint() = default;
  Blueprint(const Blueprint&) = delete;
  Blueprint& operator=(const Blueprint&) = delete;
  virtual ~Blueprint() = default;
  virtual std::unique_ptr<WorkerService> start(const WorkerStart& start) const = 0;
  // How peers are spoken to over TLS, for the housekeeper's probes; null where nobody does.
  virtual const tls::Contexts* contexts() const { return nullptr; }
  // What is stored for all generations, for the housekeeper; null where nobody stores.
  virtual cache::Stores* stores() const { return nullptr; }
};

struct WorkerBound {
  std::uint64_t bytes = 0;
  std::string text;  // the sum in words
};

// prove: nothing is written (-t, the validator). serve: for a generation.
enum class Purpose : unsigned char { prove, serve };

class Application {
 public:
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  virtual ~Application() = default;

  // All that can still be wrong with a configuration or needs the master's rights: certificates,
  // keys, patterns. Null: `why` has a line for each complaint. `zones` is null when proving.
  virtual std::unique_ptr<Blueprint> prepare(const conf::Config& config, conf::Inputs& inputs,
                                             shm::Zones* zones, Purpose purpose,
                                             std::string& why) = 0;

  // The most that a worker allocates which may open so many files; 0: not known.
  virtual WorkerBound worker_bound(const conf::Config&, std::uint64_t /*files*/) const {
    return {};
  }
};

}  // namespace weir::process
