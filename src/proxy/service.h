// Service: what a worker runs. It owns everything of the data path in one process: listeners,
// client sessions, the router, upstream groups and buffers; it knows nothing of signals, forks or
// generations.
//
// Built after fork, once per worker life, from a configuration that outlives it; destroyed before
// the loop. Order of a worker's life: add_listener*, then Loop::run(); at the end stop_accepting()
// and drain(), until on_empty is called.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

namespace weir {

class Loop;
namespace conf {
struct Config;
struct ListenConf;
}  // namespace conf
namespace cache {
class Store;
}
namespace tls {
class Contexts;
}
namespace shm {
class Zones;
struct SlotId;
}  // namespace shm

class Service {
 public:
  // `contexts` may be null where nothing uses TLS. `slot`: this process's row in the zones; its
  // counters, breadcrumb and log ring are written by the service. `stores`: one for each [cache] of
  // the configuration, in its order.
  Service(Loop& loop, const conf::Config& config, const tls::Contexts* contexts, shm::Zones& zones,
          shm::SlotId slot, std::span<const std::shared_ptr<cache::Store>> stores = {});
  ~Service();  // drops whatever is left, unannounced
  Service& operator=(Service&&) = delete;

  // Accepts from `fd` (listening, non-blocking; stays the caller's). `listen` must live as long as
  // the configuration.
  void add_listener(int fd, const conf::ListenConf& listen);
  void remove_listener(int fd);   // this one only: a sibling's queue that was lent to us
  void stop_accepting();          // leaves the queues to others; connections go on
  void pause_accepting(bool on);  // what comes waits in the queues

  // No connection is cut: exchanges run to their end, idle keep-alive connections stay readable and
  // are served once more with Connection: close, at most min(keepalive_timeout, 15 s). Calls
  // on_empty when the last one has gone.
  void drain();
  bool draining() const;

  void drop_idle();     // idle keep-alive connections, now
  void drop_tunnels();  // upgraded connections, now
  void drop_all();      // the end of worker_shutdown_timeout

  struct Live {
    std::size_t connections = 0;  // all below
    std::size_t idle = 0;         // keep-alive, no byte of a request seen
    std::size_t tunnels = 0;
  };
  Live live() const;

  // Called from the loop, once, when drain() is over. May not destroy the service from inside.
  void on_empty(void (*callback)(void* owner), void* owner);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
