#include "tls/server_hooks.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/clock.h"
#include "base/handle.h"
#include "tls/tls_transport.h"

namespace weir::tls {
namespace {

using Cipher = Handle<EVP_CIPHER, &EVP_CIPHER_free>;

constexpr std::size_t iv_bytes = 16;
constexpr std::string_view http11 = "\x08http/1.1";

// Fetched once, by the first context that is made, which is before fork.
const EVP_CIPHER* ticket_cipher() {
  static const Cipher cipher(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return cipher.get();
}

std::int64_t monotonic_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(clock::now().time_since_epoch()).count();
}

bool set_mac_key(EVP_MAC_CTX* mac, const shm::TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<std::uint8_t*>(key.mac.data()), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

enum TicketAnswer : int { ticket_error = -1, ticket_none = 0, ticket_good = 1, ticket_renew = 2 };

int seal_ticket(const shm::TicketKeySet& keys, unsigned char* name, unsigned char* iv,
                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const shm::TicketKey* key = keys.current();
  if (key == nullptr) return ticket_error;  // the master makes one before it forks
  if (RAND_bytes(iv, iv_bytes) != 1) return ticket_error;
  std::copy(key->name.begin(), key->name.end(), name);
  const bool ready =
      EVP_EncryptInit_ex(cipher, ticket_cipher(), nullptr, key->aes.data(), iv) == 1 &&
      set_mac_key(mac, *key);
  return ready ? ticket_good : ticket_error;
}

int open_ticket(SSL* ssl, const shm::TicketKeySet& keys, const unsigned char* name,
                const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const shm::TicketKey* key =
      keys.find(std::span<const std::uint8_t, 16>(name, 16), monotonic_seconds());
  if (key == nullptr) return ticket_none;  // a full handshake
  if (!set_mac_key(mac, *key) ||
      EVP_DecryptInit_ex(cipher, ticket_cipher(), nullptr, key->aes.data(), iv) != 1)
    return ticket_error;
  // TLS 1.3 clients use a ticket once (RFC 8446 appendix C.4): they need the next one.
  const bool renew = key != keys.current() || SSL_version(ssl) == TLS1_3_VERSION;
  return renew ? ticket_renew : ticket_good;
}

int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int sealing) {
  const auto* keys =
      static_cast<const shm::TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  shm::TicketKeySet set;
  if (keys == nullptr || !keys->read(set)) return sealing != 0 ? ticket_error : ticket_none;
  return sealing != 0 ? seal_ticket(set, name, iv, cipher, mac)
                      : open_ticket(ssl, set, name, iv, cipher, mac);
}

// No protocol in common is fatal (RFC 7301 §3.2): it may be a message for another service.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*) {
  const auto* ours = reinterpret_cast<const unsigned char*>(http11.data());
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours, http11.size(), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

// Friend of TlsTransport: it knows the names of its listen address.
int choose_server(SSL* ssl, int*, void*) {
  auto* transport = static_cast<TlsTransport*>(SSL_get_app_data(ssl));
  if (transport == nullptr) return SSL_CLIENT_HELLO_SUCCESS;
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  std::string_view name;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1) {
    // A malformed one is left for the library's own parser, which ends the handshake.
    name = parse_server_name({bytes, size}).value_or(std::string_view());
  }
  const ListenContext::Choice choice = transport->listen_->choose(name);
  transport->server_name_ = name;
  transport->server_index_ = choice.server_index;
  choice.context->apply_to(ssl);
  return SSL_CLIENT_HELLO_SUCCESS;
}

void install_server_hooks(SSL_CTX* context, const shm::TicketKeys* keys) {
  SSL_CTX_set_client_hello_cb(context, &choose_server, nullptr);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  SSL_CTX_set_app_data(context, const_cast<shm::TicketKeys*>(keys));
  // Always: without it the library would use keys of its own, which nobody rotates. And it asks the
  // context that the connection began with, whichever server was chosen.
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &ticket_key);
  static_cast<void>(ticket_cipher());  // fetched before fork
}

std::optional<std::string_view> parse_server_name(std::span<const unsigned char> extension) {
  constexpr std::size_t head = 5;  // list size (2), type (1), name size (2)
  if (extension.size() <= head) return std::nullopt;
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(extension[at] << 8 | extension[at + 1]);
  };
  if (number(0) != extension.size() - 2 || extension[2] != TLSEXT_NAMETYPE_host_name ||
      number(3) != extension.size() - head)
    return std::nullopt;
  const auto name = extension.subspan(head);
  if (name.size() > TLSEXT_MAXLEN_host_name || std::find(name.begin(), name.end(), 0) != name.end())
    return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(name.data()), name.size());
}

}  // namespace weir::tls
