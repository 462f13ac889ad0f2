#include "tools/load/certificate.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "os/fd.h"
#include "tls/handles.h"
#include "tls/pem.h"

namespace weir::load {
namespace {

constexpr timeval patience{3, 0};

Fd connect(const Address& address) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  // Of connect(), too.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), address.data(), address.size()) != 0) return {};
  return fd;
}

std::string to_pem(X509* certificate) {
  const tls::MemoryBio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

bool shows_development_certificate(const Address& address, const std::string& name) {
  const Fd fd = connect(address);
  if (!fd) return false;
  const tls::SslContext context(SSL_CTX_new(TLS_client_method()));
  const tls::SslConnection ssl(context ? SSL_new(context.get()) : nullptr);
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1) return false;
  if (!name.empty() && !Address::parse_ip(name)) {
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  }
  const bool shaken = SSL_connect(ssl.get()) == 1;
  const tls::Certificate shown(shaken ? SSL_get1_peer_certificate(ssl.get()) : nullptr);
  if (shaken) SSL_shutdown(ssl.get());
  ERR_clear_error();
  return shown && tls::is_development_certificate(to_pem(shown.get()));
}

}  // namespace weir::load
