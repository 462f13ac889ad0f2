#include "tls/transport_bio.h"

#include "base/handle.h"
#include "tls/tls_transport.h"

namespace weir::tls {
namespace {

TlsTransport& transport_of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

}  // namespace

int TransportBio::write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  const int taken = transport_of(bio).take_output(bytes, static_cast<std::size_t>(size));
  if (taken == 0) BIO_set_retry_write(bio);
  return taken == 0 ? -1 : taken;
}

int TransportBio::read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  const int given = transport_of(bio).give_input(into, static_cast<std::size_t>(size));
  if (given == 0) BIO_set_retry_read(bio);
  return given == 0 ? -1 : given;
}

long TransportBio::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* TransportBio::method() {
  using Method = Handle<BIO_METHOD, &BIO_meth_free>;
  static const Method method = [] {
    Method made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir transport"));
    if (!made) return made;
    BIO_meth_set_write(made.get(), &TransportBio::write);
    BIO_meth_set_read(made.get(), &TransportBio::read);
    BIO_meth_set_ctrl(made.get(), &TransportBio::control);
    return made;
  }();
  return method.get();
}

BIO* TransportBio::make(TlsTransport& transport) {
  BIO* bio = method() == nullptr ? nullptr : BIO_new(method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &transport);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace weir::tls
