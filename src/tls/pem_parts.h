// What a KeyPair holds: for the files of this room that hand it to OpenSSL.
#pragma once

#include <vector>

#include "tls/handles.h"
#include "tls/pem.h"

namespace weir::tls {

struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const noexcept { sk_X509_pop_free(chain, &X509_free); }
};

struct KeyPair::Parts {
  Certificate certificate;
  PrivateKey key;
  std::unique_ptr<STACK_OF(X509), FreeChain> chain;  // without the certificate itself
};

// All certificates of a PEM text, in order. Empty, with the reason, if there is none or one is bad.
std::vector<Certificate> parse_certificates(std::string_view pem, std::string& error);

}  // namespace weir::tls
