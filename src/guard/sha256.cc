#include "guard/sha256.h"

#include <cassert>

namespace weir {

Sha256::Sha256() : method_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  assert(method_ && context_);
}

void Sha256::begin() {
  const bool done = EVP_DigestInit_ex2(context_.get(), method_.get(), nullptr) == 1;
  assert(done);
}

void Sha256::add(std::string_view bytes) {
  const bool done = EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
  assert(done);
}

Sha256::Digest Sha256::end() {
  Digest digest;
  unsigned size = 0;
  const bool done = EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1;
  assert(done && size == digest.size());
  return digest;
}

Sha256::Digest Sha256::of(std::string_view bytes) {
  Sha256& sha = sha256();
  sha.begin();
  sha.add(bytes);
  return sha.end();
}

Sha256& sha256() {
  thread_local Sha256 sha;
  return sha;
}

}  // namespace weir
