// ProxyBench: everything a worker's Service has, around clients that are strings: for tests of
// sessions and exchanges without a socket. The configuration is text, read by the real reader.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "conf/load.h"
#include "filter/coder_pool.h"
#include "filter/coder_turns.h"
#include "guard/api_keys.h"
#include "observe/access_log.h"
#include "proxy/caches.h"
#include "proxy/h1_session.h"
#include "proxy/router.h"
#include "proxy/worker_context.h"
#include "shm/zones.h"
#include "upstream/upstreams.h"

namespace weir::test {

// Both ends of a connection to the tested code; outlives the transport, which is the code's.
struct Wire {
  std::string to_code, from_code;
  std::size_t room = std::numeric_limits<std::size_t>::max();  // what the kernel still takes
  std::size_t read_max = std::numeric_limits<std::size_t>::max();
  bool half_closed = false, reset_by_us = false;               // done by the test
  bool write_ended = false, reset = false, destroyed = false;  // done by the code
  std::size_t writes = 0;
};

class WireTransport final : public Transport {
 public:
  WireTransport(Wire& wire, Side side, const Address& peer)
      : Transport(peer), wire_(wire), side_(side) {}
  ~WireTransport() override { wire_.destroyed = true; }

  Result<Ok> start() override { return Ok{}; }
  Io read(std::span<char> into, Want) override {
    if (wire_.reset_by_us) return Io::failed({side_, "connection reset by peer"});
    if (!wire_.to_code.empty()) {
      const std::size_t count = std::min({into.size(), wire_.to_code.size(), wire_.read_max});
      std::copy_n(wire_.to_code.begin(), count, into.begin());
      wire_.to_code.erase(0, count);
      return Io::moved(count);
    }
    return wire_.half_closed ? Io::end() : Io::wait();
  }
  Io write(std::span<const iovec> from) override {
    if (wire_.reset_by_us) return Io::failed({side_, "broken pipe"});
    std::size_t count = 0;
    for (const iovec& part : from) {
      const std::size_t taken = std::min(part.iov_len, wire_.room);
      wire_.from_code.append(static_cast<const char*>(part.iov_base), taken);
      if (wire_.room != std::numeric_limits<std::size_t>::max()) wire_.room -= taken;
      count += taken;
    }
    if (count == 0) return Io::wait();
    ++wire_.writes;
    return Io::moved(count);
  }
  using Transport::write;
  void shutdown_write() override { wire_.write_ended = true; }
  void reset_on_close() override { wire_.reset = true; }
  void again() override { asked_ = true; }
  bool readable() const override {
    return !wire_.to_code.empty() || wire_.half_closed || wire_.reset_by_us;
  }
  bool writable() const override { return wire_.room > 0 || wire_.reset_by_us; }
  bool closed() const override { return wire_.half_closed || wire_.reset_by_us; }
  int fd() const override { return -1; }

  void deliver() {
    asked_ = false;
    tell({readable(), writable(), closed()});
  }

 private:
  Wire& wire_;
  Side side_;
  bool asked_ = false;
};

class TextInputs final : public conf::InputSource {
 public:
  explicit TextInputs(std::string text) : text_(std::move(text)) {}
  conf::InputFile read(const std::string& path, std::size_t) override {
    if (path != "/test/weir.ini") return {{}, "No such file or directory"};
    return {text_, {}};
  }
  conf::InputMatches match(const std::string&) override { return {{}, "nothing"}; }
  conf::InputName resolve(const std::string&) override { return {{}, "no name service"}; }

 private:
  std::string text_;
};

inline std::unique_ptr<conf::Config> load_config(const std::string& text) {
  conf::Inputs inputs(std::make_unique<TextInputs>(text));
  conf::Loaded loaded = conf::load(inputs, {"/test/weir.ini", "/test", ""});
  if (loaded.config == nullptr) FAIL(loaded.report());
  return std::move(loaded.config);
}

class ProxyBench {
 public:
  explicit ProxyBench(const std::string& text)
      : config(load_config(text)),
        zones(take_zones()),
        slot_id(*zones->claim(shm::Role::worker, 1, 1)),
        slot(zones->slots, slot_id),
        lingerers(loop),
        sessions(loop, zones->stats.row(slot_id.index)),
        upstreams(loop, *config, nullptr, {zones.get(), slot_id}),
        stores(make_stores(*config, slot_id)),
        caches(loop, *config, slot_id, stores),
        router(*config, parts(), complaints),
        logs(*config, *zones, slot_id),
        scratch(16 * 1024),
        hits(*config->main.hit_memory, config->main.hit_file_memory->bytes),
        coders(config->main.compress_memory->bytes),
        coder_turns(loop),
        context{loop,     *config, slot,   zones->stats.row(slot_id.index),
                logs,     buffers, heads,  lingerers,
                sessions, hits,    coders, coder_turns} {
    clock::refresh();
    context.scratch = scratch;
    for (const conf::ApiKeysConf& key_set : config->api_keys)
      context.own_names.push_back(*key_set.header);
  }

  ~ProxyBench() { sessions.destroy_all(); }
  ProxyBench& operator=(ProxyBench&&) = delete;

  // One client connection; what the client does is done to the wire.
  struct Client {
    Wire wire;
    WireTransport* transport = nullptr;

    void deliver() {
      if (!wire.destroyed) transport->deliver();
    }
  };
  Client& connect(const char* address = "192.0.2.7") {
    Client& client = clients.emplace_back();
    auto transport = std::make_unique<WireTransport>(client.wire, Side::client,
                                                     *Address::parse_ip(address, 40000));
    client.transport = transport.get();
    const ListenPoint* point = router.at(config->servers.front().listens.front().address);
    REQUIRE(point != nullptr);
    auto session = std::make_unique<H1Session>(context, *point, std::move(transport));
    H1Session& added = *session;
    sessions.add(std::move(session));
    added.start();
    return client;
  }

  // An idle pooled connection to a peer of the first upstream, so that no attempt has to dial.
  Client& pooled_origin(std::size_t index = 0) {
    Client& origin = clients.emplace_back();
    Group& group = upstreams.group(config->upstreams.front());
    Peer& peer = *group.peers()[index];
    auto transport = std::make_unique<WireTransport>(origin.wire, Side::upstream, peer.address());
    origin.transport = transport.get();
    Lease lease = group.pool().adopt(peer, std::move(transport));
    lease.give_back();
    return origin;
  }

  void turn() { loop.turn(std::chrono::milliseconds(0)); }
  // Until nothing moves any more.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      const std::size_t before = moved();
      for (Client& client : clients) client.deliver();
      turn();
      if (moved() == before && i > 2) return;
    }
  }
  std::string exchange(Client& client, std::string_view request) {
    client.wire.to_code += request;
    settle();
    return std::exchange(client.wire.from_code, {});
  }
  std::uint64_t count(shm::Count shm::CounterRow::*member) {
    return (zones->stats.row(slot_id.index).*member).get();
  }

  std::list<Client> clients;  // before all that holds their transports
  Loop loop;
  std::unique_ptr<conf::Config> config;
  std::unique_ptr<shm::Zones> zones;
  shm::SlotId slot_id;
  shm::SlotOwner slot;
  BufferPool buffers{std::size_t{16} << 20};
  Budget heads{std::size_t{1} << 20};
  Lingerers lingerers;
  Sessions sessions;
  Upstreams upstreams;
  std::map<const conf::ApiKeysConf*, ApiKeys> keys;
  std::vector<Router::Complaint> complaints;
  std::vector<std::shared_ptr<cache::Store>> stores;
  Caches caches;
  Router router;
  observe::AccessLogs logs;
  std::vector<char> scratch;
  HitMemory hits;
  CoderPool coders;
  CoderTurns coder_turns;
  WorkerContext context;

 private:
  static std::unique_ptr<shm::Zones> take_zones() {
    auto made = shm::Zones::create({});
    REQUIRE(made);
    return std::move(*made);
  }
  Router::Parts parts() {
    return {[](void* self, const conf::UpstreamConf& upstream) {
              return &static_cast<ProxyBench*>(self)->upstreams.group(upstream);
            },
            [](void* self, const conf::ApiKeysConf& conf) -> const ApiKeys* {
              return &static_cast<ProxyBench*>(self)->keys.try_emplace(&conf, conf).first->second;
            },
            [](void* self, const conf::CacheConf& conf) {
              return static_cast<ProxyBench*>(self)->caches.plan(conf);
            },
            this};
  }
  static std::vector<std::shared_ptr<cache::Store>> make_stores(const conf::Config& config,
                                                                shm::SlotId slot) {
    std::vector<std::shared_ptr<cache::Store>> made;
    for (const conf::CacheConf& conf : config.caches) {
      auto store = cache::Store::create(conf.name, {conf.size->bytes, 0, std::uint64_t{1} << 20});
      REQUIRE(store);
      (*store)->enter(slot);
      made.push_back(std::move(*store));
    }
    return made;
  }
  std::size_t moved() const {
    std::size_t sum = 0;
    for (const Client& client : clients)
      sum += client.wire.from_code.size() * 3 + client.wire.to_code.size() + client.wire.destroyed;
    return sum;
  }
};

}  // namespace weir::test
