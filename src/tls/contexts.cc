#include "tls/contexts.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace weir::tls {

// The names of a listen address while they are collected: the default server may come last.
struct Names {
  const ListenContext::Choice* fallback() const {
    return marked.context != nullptr ? &marked : &first;
  }
  ListenContext::Choice first, marked;
  std::vector<std::pair<const conf::ServerName*, ListenContext::Choice>> names;
};

class ContextsBuilder {
 public:
  ContextsBuilder(const conf::Config& config, conf::Inputs& inputs,
                  const Contexts::Options& options, std::vector<conf::Diagnostic>& diagnostics)
      : config_(config), inputs_(inputs), options_(options), diagnostics_(diagnostics) {}

  std::unique_ptr<Contexts> build() {
    made_.reset(new Contexts);
    for (std::size_t index = 0; index < config_.servers.size(); ++index)
      add_server(config_.servers[index], static_cast<int>(index));
    for (const auto& [address, names] : names_) add_listen(address, names);
    for (const conf::UpstreamConf& upstream : config_.upstreams)
      if (*upstream.ssl) add_upstream(upstream);
    return failed_ ? nullptr : std::move(made_);
  }

 private:
  void say(conf::Severity severity, conf::Where where, std::string text) {
    conf::Diagnostic diagnostic;
    diagnostic.severity = severity;
    if (where.known()) {
      diagnostic.file = config_.files.at(where.file);
      diagnostic.line = where.line;
    }
    diagnostic.text = std::move(text);
    diagnostics_.push_back(std::move(diagnostic));
    failed_ = failed_ || severity == conf::Severity::error;
  }
  void error(conf::Where where, std::string text) {
    say(conf::Severity::error, where, std::move(text));
  }

  const std::string* bytes_of(const conf::InputPath& path, conf::Where where) {
    const conf::InputFile& file = inputs_.file(path.path);
    if (file.ok()) return &file.bytes;
    error(where, fmt::format("{}: {}", path.path, file.error));
    return nullptr;
  }

  const KeyPair* automatic_pair(conf::Where where) {
    if (automatic_) return automatic_.get();
    std::string why;
    PemPair pem = options_.automatic;
    if (pem.certificate.empty()) pem = make_development_pair(why);
    if (why.empty()) automatic_ = KeyPair::parse(pem.certificate, pem.key, why);
    if (!automatic_) error(where, fmt::format("ssl_certificate = auto: {}", why));
    return automatic_.get();
  }

  const KeyPair* pair_of(const conf::InputPath& certificate, const conf::InputPath& key,
                         conf::Where where, conf::Where key_where) {
    const conf::InputPath& key_path = key.empty() ? certificate : key;
    const auto [it, fresh] = pairs_.try_emplace({certificate.path, key_path.path});
    if (!fresh) return it->second.get();  // a bad one was complained of where it stood first
    const std::string* text = bytes_of(certificate, where);
    const std::string* key_text = bytes_of(key_path, key_where.known() ? key_where : where);
    if (text == nullptr || key_text == nullptr) return nullptr;
    std::string why;
    it->second = KeyPair::parse(*text, *key_text, why);
    if (!it->second) {
      const bool same = certificate.path == key_path.path;
      error(where, same ? fmt::format("{}: {}", certificate.path, why)
                        : fmt::format("{} with {}: {}", certificate.path, key_path.path, why));
    } else if (it->second->expired()) {
      say(conf::Severity::warning, where,
          fmt::format("{}: expired on {}", certificate.path, it->second->expires()));
    }
    return it->second.get();
  }

  // Equal text, equal context: settings and certificates of a server.
  static std::string identity(const conf::ServerConf& server) {
    std::string text =
        fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", server.ssl_protocols->tls12,
                    server.ssl_protocols->tls13, *server.ssl_ciphers, *server.ssl_ciphersuites,
                    *server.ssl_ecdh_curve, *server.ssl_prefer_server_ciphers,
                    *server.ssl_session_tickets, server.ssl_session_timeout->count());
    for (const conf::CertificateConf& certificate : server.certificates) {
      text += certificate.automatic
                  ? std::string("|auto")
                  : fmt::format("|{}|{}", certificate.certificate.path, certificate.key.path);
    }
    return text;
  }

  bool settings_of(const conf::ServerConf& server, ServerSettings& out) {
    for (const conf::CertificateConf& certificate : server.certificates) {
      const KeyPair* pair =
          certificate.automatic
              ? automatic_pair(certificate.where)
              : pair_of(certificate.certificate, certificate.key, certificate.where, conf::Where{});
      if (pair == nullptr) return false;
      out.pairs.push_back(pair);
    }
    out.tls12 = server.ssl_protocols->tls12;
    out.tls13 = server.ssl_protocols->tls13;
    if (!server.ssl_ciphers->empty()) out.ciphers = *server.ssl_ciphers;
    out.ciphersuites = *server.ssl_ciphersuites;
    if (!server.ssl_ecdh_curve->empty()) out.curves = *server.ssl_ecdh_curve;
    out.prefer_server_ciphers = *server.ssl_prefer_server_ciphers;
    out.tickets = *server.ssl_session_tickets;
    out.session_timeout =
        std::chrono::duration_cast<std::chrono::seconds>(*server.ssl_session_timeout);
    out.ticket_keys = options_.ticket_keys;
    return true;
  }

  const ServerContext* context_of(const conf::ServerConf& server) {
    const std::string identity_text = identity(server);
    const auto [it, fresh] = contexts_.try_emplace(identity_text, nullptr);
    if (!fresh) return it->second;
    ServerSettings settings;
    settings.trust_domain = identity_text;
    if (!settings_of(server, settings)) return nullptr;
    std::string why;
    auto context = ServerContext::make(settings, why);
    if (!context) {
      const conf::Where where =
          server.certificates.empty() ? server.where : server.certificates.front().where;
      error(where, fmt::format("TLS of [server {}]: {}", server.name, why));
      return nullptr;
    }
    it->second = context.get();
    made_->servers_.push_back(std::move(context));
    return it->second;
  }

  void add_server(const conf::ServerConf& server, int index) {
    const conf::ListenConf* ssl_listen = nullptr;
    for (const conf::ListenConf& listen : server.listens)
      if (listen.ssl && ssl_listen == nullptr) ssl_listen = &listen;
    if (ssl_listen == nullptr) return;
    if (server.certificates.empty()) {
      return error(
          ssl_listen->where,
          fmt::format("[server {}] listens with ssl and has no ssl_certificate", server.name));
    }
    const ListenContext::Choice choice{context_of(server), index};
    if (choice.context == nullptr) return;
    for (const conf::ListenConf& listen : server.listens) {
      if (!listen.ssl) continue;
      Names& names = names_[listen.address];
      if (names.first.context == nullptr) names.first = choice;
      if (listen.default_server && names.marked.context == nullptr) names.marked = choice;
      for (const conf::ServerName& name : server.names) names.names.emplace_back(&name, choice);
    }
  }

  void add_listen(const Address& address, const Names& names) {
    ListenContext listen(*names.fallback());
    for (const auto& [name, choice] : names.names) {
      if (name->wildcard) {
        listen.add_wildcard(name->text, choice);
      } else {
        listen.add_exact(name->text, choice);
      }
    }
    made_->listens_.emplace(address, std::move(listen));
  }

  // A name to verify a peer by: a Unix socket has none of its own.
  bool has_names(const conf::UpstreamConf& upstream) {
    if (!upstream.verifies() || !upstream.ssl_name->empty()) return true;
    for (const conf::PeerConf& peer : upstream.peers) {
      if (!peer.address.is_unix()) continue;
      error(peer.where, fmt::format("[upstream {}]: ssl_name is needed to verify a peer on a Unix "
                                    "socket",
                                    upstream.name));
      return false;
    }
    return true;
  }

  void add_upstream(const conf::UpstreamConf& upstream) {
    UpstreamSettings settings;
    settings.verify = upstream.verifies();
    settings.send_server_name = *upstream.ssl_server_name;
    settings.reuse_sessions = *upstream.ssl_session_reuse;
    settings.tls12 = upstream.ssl_protocols->tls12;
    settings.tls13 = upstream.ssl_protocols->tls13;
    settings.name = *upstream.ssl_name;
    settings.ciphers = *upstream.ssl_ciphers;
    if (!has_names(upstream)) return;
    conf::Where where = upstream.where;
    if (settings.verify && !upstream.ssl_trusted_certificate->empty()) {
      where = upstream.ssl_trusted_certificate.where;
      const std::string* bytes = bytes_of(*upstream.ssl_trusted_certificate, where);
      if (bytes == nullptr) return;
      settings.trusted_pem = *bytes;
    }
    if (!upstream.ssl_certificate->empty()) {
      where = upstream.ssl_certificate.where;
      settings.client_pair = pair_of(*upstream.ssl_certificate, *upstream.ssl_certificate_key,
                                     where, upstream.ssl_certificate_key.where);
      if (settings.client_pair == nullptr) return;
    }
    std::string why;
    auto context = UpstreamContext::make(settings, why);
    if (!context) return error(where, fmt::format("TLS of [upstream {}]: {}", upstream.name, why));
    made_->upstreams_.emplace(&upstream, std::move(context));
  }

  const conf::Config& config_;
  conf::Inputs& inputs_;
  const Contexts::Options& options_;
  std::vector<conf::Diagnostic>& diagnostics_;
  std::unique_ptr<Contexts> made_;
  std::unique_ptr<KeyPair> automatic_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<KeyPair>> pairs_;
  std::unordered_map<std::string, const ServerContext*> contexts_;
  std::unordered_map<Address, Names> names_;
  bool failed_ = false;
};

std::unique_ptr<Contexts> Contexts::make(const conf::Config& config, conf::Inputs& inputs,
                                         const Options& options,
                                         std::vector<conf::Diagnostic>& diagnostics) {
  return ContextsBuilder(config, inputs, options, diagnostics).build();
}

const ListenContext* Contexts::listen(const Address& address) const {
  const auto it = listens_.find(address);
  return it == listens_.end() ? nullptr : &it->second;
}

UpstreamContext* Contexts::upstream(const conf::UpstreamConf& upstream) const {
  const auto it = upstreams_.find(&upstream);
  return it == upstreams_.end() ? nullptr : it->second.get();
}

bool wants_automatic_pair(const conf::Config& config) {
  for (const conf::ServerConf& server : config.servers)
    for (const conf::CertificateConf& certificate : server.certificates)
      if (certificate.automatic) return true;
  return false;
}

}  // namespace weir::tls
