// ServerContext: what a TLS server needs to know for a set of names: certificates, protocols,
// ciphers. Made before fork, never changed, shared by all virtual hosts with the same settings and
// certificates; it is then also one trust domain: a session resumes where it was made, only.
//
// ListenContext: all the names that answer at one listen address, and which context each has.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/ticket_keys.h"
#include "tls/handles.h"
#include "tls/pem.h"

namespace weir::tls {

// Mozilla's "intermediate" (guidelines 5.7), less the DHE suites: they need parameters of their own
// and let a client make the server compute.
struct ServerSettings {
  bool tls12 = true, tls13 = true;
  std::string ciphers =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
  std::string ciphersuites;  // TLS 1.3; empty: OpenSSL's own
  std::string curves = "X25519:P-256:P-384";
  bool prefer_server_ciphers = false;
  bool tickets = true;
  std::chrono::seconds session_timeout{24 * 3600};
  std::vector<const KeyPair*> pairs;             // at most one of each kind of key
  const shm::TicketKeys* ticket_keys = nullptr;  // null: no tickets
  std::string trust_domain;                      // anything that tells it from others
};

class ServerContext {
 public:
  // Null, with the reason in `error`. The ticket keys must outlive it, the pairs need not.
  static std::unique_ptr<ServerContext> make(const ServerSettings& settings, std::string& error);
  ServerContext& operator=(ServerContext&&) = delete;

  SSL_CTX* handle() const { return handle_.get(); }
  // From the ClientHello on, `ssl` is served by this context, with all its settings.
  void apply_to(SSL* ssl) const;

 private:
  ServerContext() = default;
  SslContext handle_;
  std::vector<int> groups_;
  bool tickets_ = false;
};

class ListenContext {
 public:
  struct Choice {
    const ServerContext* context = nullptr;
    int server_index = 0;  // into Config::servers
  };
  explicit ListenContext(Choice fallback) : fallback_(fallback) {}  // the default server

  // The first server to claim a name has it. `suffix` is what follows the '*' of a wildcard name:
  // ".example.com". Names are in lower case.
  void add_exact(std::string_view name, Choice choice) { exact_.emplace(name, choice); }
  void add_wildcard(std::string_view suffix, Choice choice) { wildcard_.emplace(suffix, choice); }

  // As nginx does: the exact name, the longest wildcard, the default server. Case is ignored, and
  // a trailing dot; a name that none knows, or none, is the default server's.
  Choice choose(std::string_view name) const;
  Choice fallback() const { return fallback_; }

 private:
  Choice fallback_;
  std::unordered_map<std::string, Choice> exact_, wildcard_;
};

}  // namespace weir::tls
