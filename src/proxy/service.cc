#include "proxy/service.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <vector>

#include "base/log.h"
#include "filter/coder_pool.h"
#include "filter/coder_turns.h"
#include "guard/api_keys.h"
#include "net/listener.h"
#include "net/plain_transport.h"
#include "observe/access_log.h"
#include "os/process.h"
#include "os/socket.h"
#include "proxy/caches.h"
#include "proxy/h1_session.h"
#include "proxy/hit_memory.h"
#include "proxy/quiet.h"
#include "proxy/router.h"
#include "proxy/session.h"
#include "proxy/worker_context.h"
#include "proxy/worker_memory.h"
#include "shm/zones.h"
#include "tls/contexts.h"
#include "tls/tls_transport.h"
#include "upstream/upstreams.h"

namespace weir {
namespace {

constexpr std::size_t scratch_bytes = std::size_t{16} * 1024;

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return {};
  return name;
}

}  // namespace

class Service::Impl final : private ListenerOwner {
 public:
  Impl(Loop& loop, const conf::Config& config, const tls::Contexts* contexts, shm::Zones& zones,
       shm::SlotId slot, std::span<const std::shared_ptr<cache::Store>> stores);
  ~Impl();
  Impl& operator=(Impl&&) = delete;

  void add_listener(int fd, const conf::ListenConf& listen);
  void remove_listener(int fd);
  void stop_accepting() { listeners_.clear(); }
  void pause_accepting(bool on);
  void drain();
  bool draining() const { return context_.draining; }
  Sessions& sessions() { return sessions_; }
  void drop_all();
  void on_empty(void (*callback)(void* owner), void* owner) {
    empty_ = callback, empty_owner_ = owner;
  }

 private:
  void on_accept(Listener& listener, Fd fd, const Address& peer) override;
  Router::Parts parts();
  void make_room();
  void changed();
  void update_listeners();
  void tell_empty();

  shm::SlotOwner slot_;
  const tls::Contexts* contexts_;
  BufferPool buffers_;
  Budget heads_;
  Lingerers lingerers_;
  Sessions sessions_;
  Upstreams upstreams_;
  std::map<const conf::ApiKeysConf*, ApiKeys> api_keys_;
  Caches caches_;
  std::vector<Router::Complaint> complaints_;
  Router router_;
  observe::AccessLogs access_logs_;
  std::vector<char> scratch_;
  HitMemory hits_;
  CoderPool coders_;
  CoderTurns coder_turns_;
  WorkerContext context_;
  Quiet quiet_{context_};
  std::vector<std::unique_ptr<Listener>> listeners_;
  Deferred emptied_, memory_freed_;
  std::size_t connections_max_, handshakes_max_;
  bool paused_ = false;  // too many connections
  bool held_ = false;    // by our owner
  bool told_ = false;
  void (*empty_)(void* owner) = nullptr;
  void* empty_owner_ = nullptr;
};

Service::Impl::Impl(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
                    shm::Zones& zones, shm::SlotId slot,
                    std::span<const std::shared_ptr<cache::Store>> stores)
    : slot_(zones.slots, slot),
      contexts_(contexts),
      buffers_(config.main.buffer_pool_size->bytes),
      heads_(config.main.large_heads_size->bytes),
      lingerers_(loop),
      sessions_(loop, zones.stats.row(slot.index)),
      upstreams_(loop, config, contexts, {&zones, slot}),
      caches_(loop, config, slot, stores),
      router_(config, parts(), complaints_),
      access_logs_(config, zones, slot),
      scratch_(scratch_bytes),
      hits_(*config.main.hit_memory, config.main.hit_file_memory->bytes),
      coders_(config.main.compress_memory->bytes),
      coder_turns_(loop),
      context_{loop,         config,   slot_,   zones.stats.row(slot.index),
               access_logs_, buffers_, heads_,  lingerers_,
               sessions_,    hits_,    coders_, coder_turns_},
      emptied_(
          loop, [](void* self) { static_cast<Impl*>(self)->tell_empty(); }, this),
      memory_freed_(
          loop, [](void* self) { static_cast<BufferPool*>(self)->wake(); }, &buffers_),
      connections_max_(connections_of(config.main, fd_limit())),
      handshakes_max_(config.main.ssl_handshakes_max->count) {
  for (const Router::Complaint& complaint :
       complaints_)  // the validator has refused such a configuration
    log::line(log::Level::emerg, "{}: {}", config.place(complaint.where), complaint.text);
  assert(complaints_.empty());
  context_.hostname = host_name();
  context_.scratch = scratch_;
  for (const conf::ApiKeysConf& keys : config.api_keys) context_.own_names.push_back(*keys.header);
  for (const conf::ServerConf& server : config.servers) {
    const std::string_view name = *server.real_ip_header;
    if (std::find(context_.own_names.begin(), context_.own_names.end(), name) ==
        context_.own_names.end())
      context_.own_names.push_back(name);
  }
  if (handshakes_max_ == 0) handshakes_max_ = std::max<std::size_t>(connections_max_ / 4, 1);
  buffers_.on_freed([](void* freed) { static_cast<Deferred*>(freed)->schedule(); }, &memory_freed_);
  sessions_.on_change([](void* self) { static_cast<Impl*>(self)->changed(); }, this);
  lingerers_.on_empty([](void* self) { static_cast<Impl*>(self)->changed(); }, this);
}

Service::Impl::~Impl() {
  buffers_.on_freed(nullptr, nullptr);
  sessions_.on_change(nullptr, nullptr);
  lingerers_.on_empty(nullptr, nullptr);
  sessions_.destroy_all();
}

Router::Parts Service::Impl::parts() {
  return {[](void* self, const conf::UpstreamConf& upstream) {
            return &static_cast<Impl*>(self)->upstreams_.group(upstream);
          },
          [](void* self, const conf::ApiKeysConf& keys) -> const ApiKeys* {
            return &static_cast<Impl*>(self)->api_keys_.try_emplace(&keys, keys).first->second;
          },
          [](void* self, const conf::CacheConf& cache) {
            return static_cast<Impl*>(self)->caches_.plan(cache);
          },
          this};
}

void Service::Impl::add_listener(int fd, const conf::ListenConf& listen) {
  if (listen.address.is_ip()) {
    if (const auto set = give_up_after(fd, *context_.config.main.client_tcp_timeout); !set)
      log::warn("{}: {} could not be set", listen.address.to_string(), set.error().what);
  }
  auto listener =
      std::make_unique<Listener>(context_.loop, fd, static_cast<ListenerOwner&>(*this), &listen);
  if (const auto started = listener->start(); !started) {
    log::line(log::Level::crit, "can't accept on {}: {}", listen.address.to_string(),
              started.error().what);
    return;
  }
  if (paused_ || held_) listener->pause();
  listeners_.push_back(std::move(listener));
}

void Service::Impl::remove_listener(int fd) {
  std::erase_if(listeners_, [fd](const auto& listener) { return listener->fd() == fd; });
}

void Service::Impl::on_accept(Listener& listener, Fd fd, const Address& peer) {
  const auto& listen = *static_cast<const conf::ListenConf*>(listener.user());
  const ListenPoint* point = router_.at(listen.address);
  assert(point != nullptr);
  context_.counters.connections_accepted.add();
  make_room();
  std::unique_ptr<Transport> transport;
  if (listen.ssl) {
    const tls::ListenContext* context =
        contexts_ == nullptr ? nullptr : contexts_->listen(listen.address);
    assert(context != nullptr);
    while (sessions_.handshakes() >= handshakes_max_ && sessions_.drop_oldest_handshake()) {
    }
    transport =
        std::make_unique<tls::TlsTransport>(context_.loop, std::move(fd), peer, *context, buffers_);
  } else {
    transport = std::make_unique<PlainTransport>(context_.loop, std::move(fd), peer, Side::client);
  }
  context_.counters.connections_handled.add();
  auto session = std::make_unique<H1Session>(context_, *point, std::move(transport));
  H1Session& added = *session;
  sessions_.add(std::move(session));
  added.start();
}

// Near the limit idle connections go first, the longest idle one before the others, then those that
// take their time with a head; then nobody is taken from the queue until somebody leaves: the
// kernel's queue holds what we can't.
void Service::Impl::make_room() {
  const std::size_t high = connections_max_ - connections_max_ / 20;
  const std::size_t now = sessions_.count() + lingerers_.count();
  if (now < high) return;
  if (sessions_.drop_oldest_idle() || sessions_.drop_oldest_slow()) {
    context_.counters.connections_dropped.add();
    return;
  }
  if (paused_) return;
  paused_ = true;
  context_.counters.accept_pauses.add();
  log::line(log::Level::warn, "{} worker_connections are not enough: accepting pauses",
            connections_max_);
  update_listeners();
}

void Service::Impl::pause_accepting(bool on) {
  held_ = on;
  update_listeners();
}

void Service::Impl::update_listeners() {
  for (const auto& listener : listeners_) {
    if (paused_ || held_) {
      listener->pause();
    } else {
      listener->resume();
    }
  }
}

void Service::Impl::changed() {
  context_.counters.bytes_discarded.set(lingerers_.discarded());
  if (context_.draining) return emptied_.schedule();
  if (!paused_) return;
  const std::size_t low = connections_max_ - connections_max_ / 10;
  if (sessions_.count() + lingerers_.count() >= low) return;
  paused_ = false;
  update_listeners();
}

void Service::Impl::drain() {
  if (context_.draining) return;
  stop_accepting();
  context_.draining = true;
  sessions_.limit_idle(*context_.config.main.drain_idle_timeout);
  emptied_.schedule();
}

void Service::Impl::drop_all() {
  sessions_.drop_all();
  lingerers_.close_all();
  if (context_.draining) emptied_.schedule();
}

void Service::Impl::tell_empty() {
  if (told_ || sessions_.count() > 0 || lingerers_.count() > 0) return;
  told_ = true;
  if (empty_ != nullptr) empty_(empty_owner_);
}

// --- the public face

Service::Service(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
                 shm::Zones& zones, shm::SlotId slot,
                 std::span<const std::shared_ptr<cache::Store>> stores)
    : impl_(std::make_unique<Impl>(loop, config, contexts, zones, slot, stores)) {}
Service::~Service() = default;

void Service::add_listener(int fd, const conf::ListenConf& listen) {
  impl_->add_listener(fd, listen);
}
void Service::remove_listener(int fd) { impl_->remove_listener(fd); }
void Service::stop_accepting() { impl_->stop_accepting(); }
void Service::pause_accepting(bool on) { impl_->pause_accepting(on); }
void Service::drain() { impl_->drain(); }
bool Service::draining() const { return impl_->draining(); }
void Service::drop_idle() { impl_->sessions().drop_idle(); }
void Service::drop_tunnels() { impl_->sessions().drop_tunnels(); }
void Service::drop_all() { impl_->drop_all(); }
void Service::on_empty(void (*callback)(void* owner), void* owner) {
  impl_->on_empty(callback, owner);
}

Service::Live Service::live() const {
  const Sessions& sessions = impl_->sessions();
  return {sessions.count(), sessions.idle(), sessions.tunnels()};
}

}  // namespace weir
