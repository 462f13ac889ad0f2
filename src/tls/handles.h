// Owners of OpenSSL objects, and its errors as text. For this room alone.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"

namespace weir::tls {

using SslContext = Handle<SSL_CTX, &SSL_CTX_free>;
using SslConnection = Handle<SSL, &SSL_free>;
using SslSession = Handle<SSL_SESSION, &SSL_SESSION_free>;
using Certificate = Handle<X509, &X509_free>;
using PrivateKey = Handle<EVP_PKEY, &EVP_PKEY_free>;
using MemoryBio = Handle<BIO, &BIO_free_all>;

// The oldest error of this thread's queue, which is emptied: the reason is a literal of OpenSSL's
// tables. `fallback` when there is none.
std::string_view take_reason(std::string_view fallback);
// The same for people: the reason and what OpenSSL adds to it ("bad end line: Expecting: ...").
std::string take_description(std::string_view fallback);

MemoryBio bio_of(std::string_view bytes);  // reads `bytes`, which must outlive it

}  // namespace weir::tls
