// The pair of `ssl_certificate = auto`: made in memory, and kept under state_path.
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "os/fd.h"
#include "tls/pem.h"
#include "tls/pem_parts.h"

namespace weir::tls {
namespace {

using BigNumber = Handle<BIGNUM, &BN_free>;
using Extension = Handle<X509_EXTENSION, &X509_EXTENSION_free>;

constexpr std::chrono::hours renew_before(24 * 7);
constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr long clock_skew_seconds = 3600;
constexpr const char* alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";

bool set_serial(X509* certificate) {
  const BigNumber serial(BN_new());
  return serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

Extension make_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  return Extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
}

bool add_extension(X509* certificate, int nid, const char* value) {
  const Extension extension = make_extension(certificate, nid, value);
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool has_extension(X509* certificate, int nid, const char* value) {
  const Extension wanted = make_extension(certificate, nid, value);
  const X509_EXTENSION* got = X509_get_ext(certificate, X509_get_ext_by_NID(certificate, nid, -1));
  return wanted && got != nullptr &&
         ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(wanted.get()),
                               X509_EXTENSION_get_data(const_cast<X509_EXTENSION*>(got))) == 0;
}

bool fill(X509* certificate, EVP_PKEY* key, std::chrono::hours valid) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(valid).count();
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("localhost");
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -clock_skew_seconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(seconds)) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, NID_subject_alt_name, alternative_names) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::string bytes;
  std::array<char, 4096> chunk;
  ssize_t count = 0;
  while (fd && bytes.size() < file_bytes_max &&
         (count = ::read(fd.get(), chunk.data(), chunk.size())) > 0)
    bytes.append(chunk.data(), static_cast<std::size_t>(count));
  return count < 0 ? std::string() : bytes;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0;
}

// Whole or not at all: a reader, or a crash, never meets half a key.
bool replace_file(const std::string& path, std::string_view bytes, std::string& error) {
  std::string temporary = path + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (fd && write_all(fd.get(), bytes) && ::rename(temporary.c_str(), path.c_str()) == 0)
    return true;
  error = "can't write " + path + ": " + std::strerror(errno);
  if (fd) ::unlink(temporary.c_str());
  return false;
}

bool still_good(const std::string& pem) {
  std::string error;
  if (pem.empty()) return false;
  const auto pair = KeyPair::parse(pem, pem, error);
  if (!pair) return false;
  time_t soon =
      std::time(nullptr) + std::chrono::duration_cast<std::chrono::seconds>(renew_before).count();
  return X509_cmp_time(X509_get0_notAfter(pair->parts().certificate.get()), &soon) > 0;
}

}  // namespace

PemPair make_development_pair(std::string& error, std::chrono::hours valid) {
  const PrivateKey key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  const MemoryBio certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !certificate_text || !key_text ||
      !fill(certificate.get(), key.get(), valid) ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    error = "can't make a certificate: " + take_description("out of memory");
    return {};
  }
  return {text_of(certificate_text.get()), text_of(key_text.get())};
}

bool is_development_certificate(std::string_view pem) {
  std::string error;
  const std::vector<Certificate> chain = parse_certificates(pem, error);
  if (chain.size() != 1) return false;
  X509* certificate = chain.front().get();
  const X509_NAME* subject = X509_get_subject_name(certificate);
  char name[16] = "";
  const bool ours = X509_NAME_entry_count(subject) == 1 &&
                    X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof name) > 0 &&
                    std::string_view(name) == "localhost" &&
                    X509_NAME_cmp(subject, X509_get_issuer_name(certificate)) == 0 &&
                    has_extension(certificate, NID_subject_alt_name, alternative_names) &&
                    X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
  ERR_clear_error();
  return ours;
}

PemPair auto_pair(const std::string& state_path, std::string& error) {
  const std::string path = state_path + "/localhost.pem";  // both in one file: never a mixed pair
  std::string pem = read_file(path);
  if (!still_good(pem)) {
    const PemPair made = make_development_pair(error);
    if (made.key.empty()) return {};
    if (::mkdir(state_path.c_str(), 0755) != 0 && errno != EEXIST) {
      error = "can't make " + state_path + ": " + std::strerror(errno);
      return {};
    }
    pem = made.certificate + made.key;
    if (!replace_file(path, pem, error)) return {};
    log::notice("{}: made a self-signed certificate for localhost, valid for 365 days", path);
  }
  log::warn("{}: self-signed certificate for localhost in use, for development only", path);
  return {pem, pem};
}

}  // namespace weir::tls
