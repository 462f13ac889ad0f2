#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "tls/pem_parts.h"

namespace weir::tls {
namespace {

// A pass phrase would have to be typed, or lie beside the key: refused, with a word why.
int refuse_pass_phrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

PrivateKey parse_key(std::string_view pem, std::string& error) {
  const MemoryBio bio = bio_of(pem);
  bool pass_phrase = false;
  PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &refuse_pass_phrase, &pass_phrase));
  if (key) return key;
  // Several decoders were tried; the last to speak says that none of them knew the text.
  const unsigned long last = ERR_peek_last_error();
  const bool absent =
      ERR_GET_REASON(last) == PEM_R_NO_START_LINE || ERR_GET_REASON(last) == ERR_R_UNSUPPORTED;
  const std::string why = take_description("not a private key");
  if (pass_phrase) {
    error = "the private key has a pass phrase, which nobody is there to type";
  } else {
    error = absent ? "holds no private key" : "the private key can't be read: " + why;
  }
  return nullptr;
}

std::string text_of(const ASN1_TIME* time) {
  const MemoryBio bio(BIO_new(BIO_s_mem()));
  if (!bio || ASN1_TIME_print(bio.get(), time) != 1) return "an unreadable date";
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

std::vector<Certificate> parse_certificates(std::string_view pem, std::string& error) {
  const MemoryBio bio = bio_of(pem);
  std::vector<Certificate> all;
  ERR_clear_error();
  while (Certificate one{PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)})
    all.push_back(std::move(one));
  // The end of the text reads as "no start line"; anything else is a certificate that is broken.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    error = "certificate " + std::to_string(all.size() + 1) +
            " can't be read: " + take_description("not a certificate");
    all.clear();
    return all;
  }
  ERR_clear_error();
  if (all.empty()) error = "holds no certificate";
  return all;
}

KeyPair::KeyPair(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
KeyPair::~KeyPair() = default;

std::unique_ptr<KeyPair> KeyPair::parse(std::string_view certificate, std::string_view key,
                                        std::string& error) {
  std::vector<Certificate> all = parse_certificates(certificate, error);
  if (all.empty()) return nullptr;
  auto parts = std::make_unique<Parts>();
  parts->key = parse_key(key, error);
  if (!parts->key) return nullptr;
  if (X509_check_private_key(all.front().get(), parts->key.get()) != 1) {
    ERR_clear_error();
    error = "the private key belongs to another certificate";
    return nullptr;
  }
  parts->chain.reset(sk_X509_new_null());
  parts->certificate = std::move(all.front());
  for (std::size_t index = 1; index < all.size(); ++index) {
    if (!parts->chain || sk_X509_push(parts->chain.get(), all[index].get()) == 0) {
      error = "out of memory";
      return nullptr;
    }
    static_cast<void>(all[index].release());  // the stack has it
  }
  return std::unique_ptr<KeyPair>(new KeyPair(std::move(parts)));
}

bool KeyPair::expired() const {
  return X509_cmp_current_time(X509_get0_notAfter(parts_->certificate.get())) < 0;
}

std::string_view KeyPair::kind() const {
  const char* name = EVP_PKEY_get0_type_name(parts_->key.get());
  return name == nullptr ? "unknown" : name;
}

std::string KeyPair::expires() const {
  return text_of(X509_get0_notAfter(parts_->certificate.get()));
}

}  // namespace weir::tls
