#include "proxy/worker_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/buffer.h"
#include "http/fields.h"
#include "net/plain_transport.h"
#include "net/socket.h"
#include "proxy/answer_filter.h"
#include "proxy/attempt.h"
#include "proxy/body_coder.h"
#include "proxy/body_replay.h"
#include "proxy/coded_copy.h"
#include "proxy/exchange_memory.h"
#include "proxy/h1_input.h"
#include "proxy/h1_session.h"
#include "proxy/h1_stream.h"
#include "proxy/hit_memory.h"
#include "proxy/tunnel.h"
#include "shm/ring.h"
#include "tls/tls_transport.h"
#include "upstream/group.h"
#include "upstream/pool.h"

namespace weir {
namespace {

// Measured, with OpenSSL 3.0: 14.2 KiB while idle; a handshake has its buffers and messages
// besides.
constexpr std::uint64_t libssl_bytes = std::uint64_t{64} * 1024;
constexpr std::uint64_t allocation_bytes = 16;    // what malloc adds to a block
constexpr std::uint64_t registration_bytes = 96;  // of one descriptor, in libevent's tables
constexpr std::uint64_t loop_bytes = std::uint64_t{256} * 1024;  // libevent, timer wheel, scratch

constexpr std::uint64_t block(std::uint64_t bytes) { return bytes + allocation_bytes; }

// The fields of the four heads of an exchange, in vectors that double.
std::uint64_t field_bytes(const conf::ServerConf& server, const conf::LocationConf& location) {
  constexpr std::uint64_t ours = 16;  // Via, Forwarded, X-...; Date, Server, framing
  const std::uint64_t request = *server.max_headers + ours + location.set_headers.size();
  const std::uint64_t answer = *location.proxy_max_headers + ours + location.add_headers.size();
  const std::uint64_t trailers = std::uint64_t{2} * *location.max_trailers;
  return (2 * request + 2 * answer + trailers) * 2 * sizeof(Field);
}

// Trailers as received, both ways, and as written to a peer.
std::uint64_t trailer_bytes(const conf::LocationConf& location) {
  return std::uint64_t{3} * 2 * location.trailers_max_size->bytes;
}

std::uint64_t rules_bytes(const conf::Config& config) {
  std::uint64_t most = 0;
  for (const conf::ServerConf& server : config.servers) {
    const auto add = [&](const conf::LocationConf& location) {
      most = std::max(most, field_bytes(server, location) + trailer_bytes(location));
    };
    add(server.base);
    for (const conf::LocationConf& location : server.locations) add(location);
  }
  return most;
}

constexpr std::uint64_t plain_bytes =
    block(sizeof(PlainTransport)) + block(sizeof(Socket)) + registration_bytes;
// A TLS transport; its output may take a reserve beyond the pool.
constexpr std::uint64_t tls_bytes = block(sizeof(tls::TlsTransport)) + block(sizeof(Socket)) +
                                    block(sizeof(TlsInfo) + 256) + registration_bytes +
                                    block(BufferPool::reserve_bytes);

bool hedges(const conf::Config& config) {
  return std::any_of(config.upstreams.begin(), config.upstreams.end(),
                     [](const auto& upstream) { return upstream.hedge->percentile != 0; });
}

// What is kept of a body is in buffers; the second attempt beside a late one has a head to send and
// one to receive.
std::uint64_t tries_bytes(const conf::Config& config) {
  const bool keeps = std::any_of(config.upstreams.begin(), config.upstreams.end(),
                                 [](const auto& upstream) { return upstream.retry->tries > 1; });
  constexpr std::uint64_t replay = block(sizeof(BodyReplay)) + block(16 * sizeof(Buffer));
  constexpr std::uint64_t second = block(sizeof(Attempt)) + 2 * block(BufferPool::reserve_bytes);
  return (keeps ? replay : 0) + (hedges(config) ? second : 0);
}

std::uint64_t exchange_bytes(const conf::Config& config) {
  return block(sizeof(H1Stream)) + block(sizeof(ExchangeMemory)) +
         block(ExchangeMemory::chunk_bytes) + block(ExchangeMemory::text_bytes_kept) +
         block(sizeof(Attempt)) + block(sizeof(Tunnel)) + 2 * block(BufferPool::reserve_bytes) +
         rules_bytes(config) + tries_bytes(config);
}

struct Uses {
  bool tls = false, peer_tls = false, codings = false;
};

bool codes(const conf::LocationConf& location) {
  return !location.compress->codings.empty() || *location.decompress;
}

Uses uses_of(const conf::Config& config) {
  Uses uses;
  for (const conf::ServerConf& server : config.servers) {
    for (const conf::ListenConf& listen : server.listens) uses.tls |= listen.ssl;
    uses.codings |=
        codes(server.base) || std::any_of(server.locations.begin(), server.locations.end(), codes);
  }
  for (const conf::UpstreamConf& upstream : config.upstreams) uses.peer_tls |= *upstream.ssl;
  return uses;
}

std::uint64_t peer_bytes(const conf::Config& config) {
  std::uint64_t sum = 0;
  for (const conf::UpstreamConf& upstream : config.upstreams) {
    const std::uint64_t connection =
        block(sizeof(PeerConnection)) + (*upstream.ssl ? tls_bytes + libssl_bytes : plain_bytes);
    sum += *upstream.keepalive * connection + block(sizeof(Group)) +
           upstream.peers.size() * block(sizeof(Peer) + 512);
  }
  return sum;
}

std::string kib(std::uint64_t bytes) {
  return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
}
std::string mib(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes + 1048575) >> 20); }

}  // namespace

std::size_t connections_of(const conf::MainConf& main, std::uint64_t files) {
  if (main.worker_connections->count != 0) return main.worker_connections->count;
  // Each may want another one to a peer.
  return files > 256 ? static_cast<std::size_t>(files - 128) / 2 : 64;
}

WorkerMemory worker_memory(const conf::Config& config, std::uint64_t files) {
  const Uses uses = uses_of(config);
  WorkerMemory out;
  out.connections = connections_of(config.main, files);
  // Each to a peer; the second one of a hedge besides.
  const std::uint64_t at_peers = hedges(config) ? 2 : 1;
  const std::size_t copy_bytes = sizeof(CodedCopy) + compressor_filter_bytes();
  out.per_connection =
      block(sizeof(H1Session)) + (uses.tls ? tls_bytes : plain_bytes) + block(128) +
      block(H1Input::small_bytes) + exchange_bytes(config) +
      (uses.codings ? 2 * allocation_bytes + std::max(AnswerFilter::bytes_most(), copy_bytes) : 0) +
      at_peers * (block(sizeof(PeerConnection)) + (uses.peer_tls ? tls_bytes : plain_bytes));
  out.per_tls = uses.tls ? libssl_bytes : 0;
  out.per_peer_tls = uses.peer_tls ? at_peers * libssl_bytes : 0;
  out.buffers = config.main.buffer_pool_size->bytes;
  out.coders = uses.codings ? config.main.compress_memory->bytes : 0;
  out.large_heads = config.main.large_heads_size->bytes;
  out.peers = peer_bytes(config);
  // What is kept warm for exchanges to come, where connections are fewer than that.
  out.fixed = loop_bytes + HitMemory::bytes_of(*config.main.hit_memory) +
              (config.caches.empty() ? 0 : config.main.hit_file_memory->bytes) +
              ExchangeMemories::kept_max * exchange_bytes(config) +
              (config.logs.size() + 2) * shm::line_bytes_max;
  return out;
}

// An eighth more: the allocator can't fill every hole.
std::uint64_t WorkerMemory::bytes() const {
  const std::uint64_t small =
      connections * (per_connection + per_tls + per_peer_tls) + peers + fixed + large_heads;
  return small + small / 8 + buffers + coders;
}

std::string WorkerMemory::text() const {
  std::string tls;
  if (per_tls + per_peer_tls > 0)
    tls = fmt::format(" and {} of libssl's, estimated", kib(per_tls + per_peer_tls));
  const std::string coding = coders > 0 ? fmt::format(" + compress_memory {}", mib(coders)) : "";
  return fmt::format(
      "{} connections x {}{} + large_heads_size {} + idle connections to peers {} + {} fixed, an "
      "eighth more for the allocator, + buffer_pool_size {}{}",
      connections, kib(per_connection), tls, mib(large_heads), mib(peers), mib(fixed), mib(buffers),
      coding);
}

}  // namespace weir
