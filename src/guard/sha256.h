// SHA-256, by OpenSSL: for what nobody may be able to find a second text to.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "base/handle.h"

namespace weir {

class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  Sha256();
  Sha256& operator=(Sha256&&) = delete;
  void begin();  // once for each text
  void add(std::string_view bytes);
  Digest end();

  static Digest of(std::string_view bytes);

 private:
  // The method is fetched once: OpenSSL 3's one-shot SHA256() looks its provider up with every
  // call.
  Handle<EVP_MD, &EVP_MD_free> method_;
  Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context_;
};

// This thread's: between begin() and end() there may be no other.
Sha256& sha256();

}  // namespace weir
