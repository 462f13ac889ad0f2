#include "tls/upstream_context.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <utility>

#include "tls/pem_parts.h"
#include "tls/tls_transport.h"

namespace weir::tls {
namespace {

using Store = Handle<X509_STORE, &X509_STORE_free>;

constexpr std::string_view http11 = "\x08http/1.1";
constexpr const char* system_bundle = "/etc/ssl/certs/ca-certificates.crt";

// What the machine trusts, read once: whole, since a worker may not touch the disk when it verifies
// (which the library's own folder of hashes would make it do).
X509_STORE* system_store() {
  static const Store store = [] {
    Store made(X509_STORE_new());
    if (made && X509_STORE_load_file(made.get(), system_bundle) != 1) {
      ERR_clear_error();
      X509_STORE_set_default_paths(made.get());
    }
    return made;
  }();
  return store.get();
}

bool trust(SSL_CTX* context, std::string_view pem, std::string& error) {
  if (pem.empty()) {
    if (system_store() != nullptr) SSL_CTX_set1_cert_store(context, system_store());
    return true;
  }
  const std::vector<Certificate> all = parse_certificates(pem, error);
  if (all.empty()) return false;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Certificate& one : all) {
    if (X509_STORE_add_cert(store, one.get()) != 1) {
      error = take_description("a certificate is refused");
      return false;
    }
  }
  // Who names a certificate of a peer or an intermediate trusts it, with or without its root.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return true;
}

std::string session_key(const Address& peer, std::string_view name) {
  return peer.to_string().append("|").append(name);
}

}  // namespace

// Friend of TlsTransport: a ticket has come, and is for later connections to the same peer.
int keep_new_session(SSL* ssl, SSL_SESSION* session) {
  SslSession owned(session);
  auto* transport = static_cast<TlsTransport*>(SSL_get_app_data(ssl));
  if (transport != nullptr && SSL_SESSION_is_resumable(session) == 1)
    transport->upstream_->keep_session(transport->session_key_, std::move(owned));
  return 1;  // the reference is ours, kept or dropped
}

UpstreamContext::~UpstreamContext() = default;

std::unique_ptr<UpstreamContext> UpstreamContext::make(const UpstreamSettings& settings,
                                                       std::string& error) {
  std::unique_ptr<UpstreamContext> made(new UpstreamContext);
  made->handle_.reset(SSL_CTX_new(TLS_client_method()));
  made->settings_ = settings;
  made->settings_.client_pair = nullptr;
  made->settings_.trusted_pem = {};
  SSL_CTX* context = made->handle_.get();
  if (context == nullptr) {
    error = take_description("out of memory");
    return nullptr;
  }
  if (!settings.tls12 && !settings.tls13) {
    error = "no protocol is left";
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context, settings.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, settings.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (settings.verify && !trust(context, settings.trusted_pem, error)) return nullptr;
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    ERR_clear_error();
    error = "no usable cipher in \"" + settings.ciphers + "\"";
    return nullptr;
  }
  if (settings.client_pair != nullptr) {
    const KeyPair::Parts& parts = settings.client_pair->parts();
    if (SSL_CTX_use_cert_and_key(context, parts.certificate.get(), parts.key.get(),
                                 parts.chain.get(), 1) != 1) {
      error = take_description("the certificate is refused");
      return nullptr;
    }
  }
  SSL_CTX_set_session_cache_mode(context, settings.reuse_sessions
                                              ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                              : SSL_SESS_CACHE_OFF);
  if (settings.reuse_sessions) SSL_CTX_sess_set_new_cb(context, &keep_new_session);
  // Zero is success here, for once.
  if (SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(http11.data()),
                              static_cast<unsigned int>(http11.size())) != 0) {
    error = take_description("out of memory");
    return nullptr;
  }
  return made;
}

// An IP is verified as an address and never sent as SNI (RFC 6066 §3).
bool UpstreamContext::prepare(SSL* ssl, std::string_view name) const {
  const std::string text(name);
  const bool is_ip = Address::parse_ip(name).has_value();
  if (settings_.verify) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (text.empty()) return false;
    const int set = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, text.c_str())
                          : X509_VERIFY_PARAM_set1_host(param, text.data(), text.size());
    if (set != 1) return false;
  }
  if (settings_.send_server_name && !is_ip && !text.empty() && text.front() != '/')
    return SSL_set_tlsext_host_name(ssl, text.c_str()) == 1;
  return true;
}

std::unique_ptr<Transport> UpstreamContext::connect(std::unique_ptr<Socket> socket,
                                                    const Address& peer, std::string_view host,
                                                    BufferPool& pool) {
  const std::string_view name = settings_.name.empty() ? host : std::string_view(settings_.name);
  SslConnection ssl(SSL_new(handle_.get()));
  if (!ssl || !prepare(ssl.get(), name)) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_connect_state(ssl.get());
  std::string key = session_key(peer, name);
  if (const auto kept = sessions_.find(key); kept != sessions_.end())
    SSL_set_session(ssl.get(), kept->second.get());
  return std::make_unique<TlsTransport>(std::move(socket), peer, std::move(ssl), *this,
                                        std::move(key), pool);
}

void UpstreamContext::keep_session(const std::string& key, SslSession session) {
  ++kept_;
  if (sessions_.size() >= sessions_max && sessions_.find(key) == sessions_.end())
    sessions_.erase(sessions_.begin());  // any: a full handshake is all that is lost
  sessions_.insert_or_assign(key, std::move(session));
}

}  // namespace weir::tls
