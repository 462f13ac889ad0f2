// UpstreamContext: how this proxy is a TLS client of one upstream: what it trusts, what it shows,
// under which name it verifies. Made by the master before fork and not changed afterwards, but for
// the sessions: those are this process's own, one per peer and name, for resumption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/socket.h"
#include "net/transport.h"
#include "os/address.h"
#include "tls/handles.h"
#include "tls/pem.h"

namespace weir {
class BufferPool;
}

namespace weir::tls {

struct UpstreamSettings {
  bool verify = true;
  bool send_server_name = true;
  bool reuse_sessions = true;
  bool tls12 = true, tls13 = true;
  std::string name;                      // to verify and to send; empty: the peer's host
  std::string ciphers;                   // TLS 1.2; empty: OpenSSL's own
  std::string_view trusted_pem;          // certificates; empty: the system's
  const KeyPair* client_pair = nullptr;  // shown when asked; null: none
};

class UpstreamContext {
 public:
  static constexpr std::size_t sessions_max = 1024;  // over all its peers

  // Null, with the reason in `error`.
  static std::unique_ptr<UpstreamContext> make(const UpstreamSettings& settings,
                                               std::string& error);
  ~UpstreamContext();
  UpstreamContext& operator=(UpstreamContext&&) = delete;

  // A transport over a connected socket, which starts the handshake when it is started. `host` is
  // the peer as configured: a name, an IP or a path. The context outlives the transport. Null: out
  // of memory.
  std::unique_ptr<Transport> connect(std::unique_ptr<Socket> socket, const Address& peer,
                                     std::string_view host, BufferPool& pool);

  // For TlsTransport: what came of it.
  void keep_session(const std::string& key, SslSession session);
  void forget_session(const std::string& key) { sessions_.erase(key); }
  std::size_t sessions() const { return sessions_.size(); }
  std::uint64_t sessions_kept() const { return kept_; }  // ever
  bool reuses_sessions() const { return settings_.reuse_sessions; }

 private:
  UpstreamContext() = default;
  bool prepare(SSL* ssl, std::string_view name) const;

  SslContext handle_;
  UpstreamSettings settings_;  // without the pointers
  std::unordered_map<std::string, SslSession> sessions_;
  std::uint64_t kept_ = 0;
};

}  // namespace weir::tls
