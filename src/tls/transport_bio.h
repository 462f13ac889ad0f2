// The BIO between the library and a TlsTransport: the library reads from the transport's socket and
// writes into the transport's buffer. It never flushes: when to send is for the transport to say.
#pragma once

#include <openssl/bio.h>

namespace weir::tls {

class TlsTransport;

struct TransportBio {
  static BIO* make(TlsTransport& transport);  // the transport outlives it; nullptr: no memory

 private:
  static BIO_METHOD* method();
  static int write(BIO* bio, const char* bytes, int size);
  static int read(BIO* bio, char* into, int size);
  static long control(BIO* bio, int command, long number, void* pointer);
};

}  // namespace weir::tls
