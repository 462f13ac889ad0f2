#include "process/proxy_application.h"

#include <fmt/format.h>

#include "base/log.h"
#include "cache/rules.h"
#include "conf/load.h"
#include "os/process.h"
#include "proxy/router.h"
#include "proxy/service.h"
#include "proxy/worker_memory.h"
#include "tls/contexts.h"

namespace weir::process {
namespace {

using StoreList = std::vector<std::shared_ptr<cache::Store>>;  // one for each [cache]

class ProxyWorker : public WorkerService {
 public:
  ProxyWorker(const WorkerStart& start, const tls::Contexts* contexts, const StoreList& stores)
      : service_(start.loop, start.config, contexts, start.zones, start.slot, stores) {}

  void add_listener(int fd, const conf::ListenConf& listen) override {
    service_.add_listener(fd, listen);
  }
  void remove_listener(int fd) override { service_.remove_listener(fd); }
  void stop_accepting() override { service_.stop_accepting(); }
  void pause_accepting(bool on) override { service_.pause_accepting(on); }
  void drain(void (*on_empty)(void* owner), void* owner) override {
    service_.on_empty(on_empty, owner);
    service_.drain();
  }
  void drop_idle() override { service_.drop_idle(); }
  void drop_tunnels() override { service_.drop_tunnels(); }
  void drop_all() override { service_.drop_all(); }
  std::size_t live_connections() const override { return service_.live().connections; }

 private:
  Service service_;
};

class ProxyBlueprint : public Blueprint {
 public:
  ProxyBlueprint(std::unique_ptr<tls::Contexts> contexts, StoreList list, cache::Stores& stores)
      : contexts_(std::move(contexts)), list_(std::move(list)), stores_(stores) {}
  std::unique_ptr<WorkerService> start(const WorkerStart& start) const override {
    return std::make_unique<ProxyWorker>(start, contexts_.get(), list_);
  }
  const tls::Contexts* contexts() const override { return contexts_.get(); }
  cache::Stores* stores() const override { return &stores_; }

 private:
  std::unique_ptr<tls::Contexts> contexts_;
  StoreList list_;
  cache::Stores& stores_;
};

// What is stored is kept over a reload, where the sizes stay.
bool make_stores(const conf::Config& config, cache::Stores& stores, StoreList& out,
                 std::string& why) {
  // Each store has a descriptor for each process that there may be.
  if (!config.caches.empty() && !raise_fd_limit(fd_limit_hard()))
    log::warn("the limit of open files stays");
  for (const conf::CacheConf& conf : config.caches) {
    const cache::StoreSizes sizes = cache::store_sizes(conf);
    auto store = stores.get(conf.name, sizes);
    if (!store) {
      why += fmt::format("{}: [cache {}] of {} bytes: {}\n", config.place(conf.where), conf.name,
                         sizes.bytes, store.error().what);
      return false;
    }
    out.push_back(std::move(*store));
  }
  return true;
}

// The room for peers was made when weir started; a larger upstream_peers_max waits for a restart.
bool has_room_for_peers(const conf::Config& config, const shm::Zones* zones, std::string& why) {
  std::size_t peers = 0;
  for (const conf::UpstreamConf& upstream : config.upstreams) peers += upstream.peers.size();
  if (zones == nullptr || peers <= zones->peers.capacity()) return true;
  why += fmt::format(
      "the upstreams have {} peers, and weir was started with room for {}: restart it\n", peers,
      zones->peers.capacity());
  return false;
}

}  // namespace

std::unique_ptr<Blueprint> ProxyApplication::prepare(const conf::Config& config,
                                                     conf::Inputs& inputs, shm::Zones* zones,
                                                     Purpose purpose, std::string& why) {
  tls::Contexts::Options options;
  options.ticket_keys = zones != nullptr ? &zones->tickets : nullptr;
  if (purpose == Purpose::serve && tls::wants_automatic_pair(config)) {
    options.automatic = tls::auto_pair(config.main.state_path->path, why);
    if (options.automatic.certificate.empty()) return nullptr;
  }
  std::vector<conf::Diagnostic> diagnostics;
  auto contexts = tls::Contexts::make(config, inputs, options, diagnostics);
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == conf::Severity::error) {
      why += diagnostic.message() + "\n";
    } else if (purpose == Purpose::serve) {
      log::warn("{}", diagnostic.message());
    }
  }
  const auto complaints = check_routes(config);
  for (const Router::Complaint& complaint : complaints)
    why += config.place(complaint.where) + ": " + complaint.text + "\n";
  const bool room = has_room_for_peers(config, zones, why);
  StoreList list;
  const bool stored = purpose == Purpose::prove || make_stores(config, stores_, list, why);
  if (!contexts || !complaints.empty() || !room || !stored) return nullptr;
  return std::make_unique<ProxyBlueprint>(std::move(contexts), std::move(list), stores_);
}

WorkerBound ProxyApplication::worker_bound(const conf::Config& config, std::uint64_t files) const {
  const WorkerMemory memory = worker_memory(config, files);
  return {memory.bytes(), memory.text()};
}

}  // namespace weir::process
