#include "tls/server_context.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "tls/pem_parts.h"
#include "tls/server_hooks.h"

namespace weir::tls {
namespace {

constexpr std::uint64_t mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN;
constexpr std::uint64_t own_options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET;

int group_of(std::string_view name) {
  const std::string text(name);
  const int nist = EC_curve_nist2nid(text.c_str());
  return nist != NID_undef ? nist : OBJ_txt2nid(text.c_str());
}

bool parse_groups(const std::string& curves, std::vector<int>& out, std::string& error) {
  for (const std::string_view name : split(curves, ':')) {
    out.push_back(group_of(name));
    if (out.back() == NID_undef) {
      error = "unknown curve \"" + std::string(name) + "\"";
      return false;
    }
  }
  return true;
}

bool add_pairs(SSL_CTX* context, const ServerSettings& settings, std::string& error) {
  std::vector<std::string_view> kinds;
  for (const KeyPair* pair : settings.pairs) {
    if (std::find(kinds.begin(), kinds.end(), pair->kind()) != kinds.end()) {
      error = "two certificates with keys of one kind (" + std::string(pair->kind()) + ")";
      return false;
    }
    kinds.push_back(pair->kind());
    const KeyPair::Parts& parts = pair->parts();
    if (SSL_CTX_use_cert_and_key(context, parts.certificate.get(), parts.key.get(),
                                 parts.chain.get(), 1) != 1) {
      error = take_description("the certificate is refused");
      return false;
    }
  }
  return true;
}

bool set_ciphers(SSL_CTX* context, const ServerSettings& settings, std::string& error) {
  if (SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    error = "no usable cipher in \"" + settings.ciphers + "\"";
  } else if (!settings.ciphersuites.empty() &&
             SSL_CTX_set_ciphersuites(context, settings.ciphersuites.c_str()) != 1) {
    error = "unknown TLS 1.3 cipher suite in \"" + settings.ciphersuites + "\"";
  } else {
    return true;
  }
  ERR_clear_error();
  return false;
}

}  // namespace

std::unique_ptr<ServerContext> ServerContext::make(const ServerSettings& settings,
                                                   std::string& error) {
  std::unique_ptr<ServerContext> made(new ServerContext);
  made->handle_.reset(SSL_CTX_new(TLS_server_method()));
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
  SSL_CTX_set_mode(context, mode);
  SSL_CTX_set_read_ahead(context, 1);
  made->tickets_ = settings.tickets && settings.ticket_keys != nullptr;
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   (settings.prefer_server_ciphers ? SSL_OP_CIPHER_SERVER_PREFERENCE
                                                                   : std::uint64_t{0}) |
                                   (made->tickets_ ? std::uint64_t{0} : SSL_OP_NO_TICKET));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, made->tickets_ ? 1 : 0);
  SSL_CTX_set_timeout(context, static_cast<long>(settings.session_timeout.count()));
  std::array<unsigned char, SHA256_DIGEST_LENGTH> domain;
  SHA256(reinterpret_cast<const unsigned char*>(settings.trust_domain.data()),
         settings.trust_domain.size(), domain.data());
  SSL_CTX_set_session_id_context(context, domain.data(), domain.size());
  if (!set_ciphers(context, settings, error) ||
      !parse_groups(settings.curves, made->groups_, error) || !add_pairs(context, settings, error))
    return nullptr;
  if (SSL_CTX_set1_groups(context, made->groups_.data(), static_cast<int>(made->groups_.size())) !=
      1) {
    error = "a curve of \"" + settings.curves + "\" can't be used: " + take_description("refused");
    return nullptr;
  }
  install_server_hooks(context, made->tickets_ ? settings.ticket_keys : nullptr);
  return made;
}

// SSL_set_SSL_CTX() takes the certificates along and leaves what SSL_new() had copied from the
// first context; this early (client_hello_cb) the rest can still be replaced.
void ServerContext::apply_to(SSL* ssl) const {
  SSL_CTX* context = handle_.get();
  if (SSL_get_SSL_CTX(ssl) == context) return;
  SSL_set_SSL_CTX(ssl, context);
  SSL_clear_options(ssl, own_options);
  SSL_set_options(ssl, SSL_CTX_get_options(context) & own_options);
  SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
  SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(context)));
  SSL_set_num_tickets(ssl, tickets_ ? 1 : 0);
  // The context has accepted the same list: it can't fail here.
  SSL_set1_groups(ssl, const_cast<int*>(groups_.data()), static_cast<int>(groups_.size()));
}

ListenContext::Choice ListenContext::choose(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return fallback_;
  const std::string known = lower(name);
  if (const auto it = exact_.find(known); it != exact_.end()) return it->second;
  if (wildcard_.empty()) return fallback_;
  for (std::size_t dot = known.find('.', 1); dot != known.npos; dot = known.find('.', dot + 1)) {
    if (const auto it = wildcard_.find(known.substr(dot)); it != wildcard_.end()) return it->second;
  }
  return fallback_;
}

}  // namespace weir::tls
