#include "tls/pem.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "tls/pem_parts.h"

using namespace weir;
using tls::KeyPair;
using tls::PemPair;

namespace {

PemPair made(std::chrono::hours valid = std::chrono::hours(24)) {
  std::string error;
  PemPair pair = tls::make_development_pair(error, valid);
  REQUIRE(error.empty());
  return pair;
}

// As `openssl req -x509 -subj /CN=NAME` makes it.
std::string self_signed(const char* name) {
  const tls::PrivateKey key(EVP_EC_gen("P-256"));
  const tls::Certificate certificate(X509_new());
  X509* it = certificate.get();
  X509_gmtime_adj(X509_getm_notBefore(it), 0);
  X509_gmtime_adj(X509_getm_notAfter(it), 3600);
  X509_set_pubkey(it, key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(it, X509_get_subject_name(it));
  REQUIRE(X509_sign(it, key.get(), EVP_sha256()) > 0);
  const tls::MemoryBio bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), it) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string encrypted(const std::string& key) {
  const auto in = tls::bio_of(key);
  const tls::PrivateKey parsed(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const tls::MemoryBio out(BIO_new(BIO_s_mem()));
  const unsigned char phrase[] = "secret";
  REQUIRE(PEM_write_bio_PrivateKey(out.get(), parsed.get(), EVP_aes_128_cbc(), phrase, 6, nullptr,
                                   nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    ::unlink((path + "/state/localhost.pem").c_str());
    ::rmdir((path + "/state").c_str());
    ::rmdir(path.c_str());
  }
  std::string path = "/tmp/weir-unit-XXXXXX";
};

struct Quiet {  // the warnings of auto_pair() are expected
  Quiet() {
    log::set_sink([](log::Level, std::string_view) {});
  }
  ~Quiet() { log::set_sink(nullptr); }
};

}  // namespace

TEST_CASE("pem: a pair may be two texts or one, with intermediates behind the certificate") {
  const PemPair pem = made(), other = made();
  std::string error;
  CHECK(KeyPair::parse(pem.certificate, pem.key, error));
  const std::string both = pem.key + pem.certificate;
  CHECK(KeyPair::parse(both, both, error));
  const auto chained = KeyPair::parse(pem.certificate + other.certificate, pem.key, error);
  REQUIRE(chained);
  CHECK(sk_X509_num(chained->parts().chain.get()) == 1);
  CHECK(chained->kind() == "EC");
  CHECK_FALSE(chained->expired());
}

TEST_CASE("pem: what is refused, and why") {
  const PemPair pem = made(), other = made();
  std::string broken = pem.certificate;
  broken[broken.size() / 2] = '!';
  const struct {
    std::string certificate, key, error;
  } cases[] = {
      {"", pem.key, "holds no certificate"},
      {"garbage", pem.key, "holds no certificate"},
      {pem.key, pem.key, "holds no certificate"},
      {pem.certificate, "", "holds no private key"},
      {pem.certificate, pem.certificate, "holds no private key"},
      {pem.certificate, other.key, "the private key belongs to another certificate"},
      {other.certificate + pem.certificate, pem.key,
       "the private key belongs to another certificate"},
      {pem.certificate, encrypted(pem.key),
       "the private key has a pass phrase, which nobody is there to type"},
      {broken, pem.key, "certificate 1 can't be read: bad base64 decode"},
      {pem.certificate + broken, pem.key, "certificate 2 can't be read: bad base64 decode"},
  };
  for (const auto& it : cases) {
    std::string error;
    CHECK_FALSE(KeyPair::parse(it.certificate, it.key, error));
    CHECK(error == it.error);
  }
}

TEST_CASE("pem: an expired certificate is known for what it is") {
  const PemPair pem = made(std::chrono::hours(-1));
  std::string error;
  const auto pair = KeyPair::parse(pem.certificate, pem.key, error);
  REQUIRE(pair);
  CHECK(pair->expired());
  CHECK(pair->expires().ends_with("GMT"));
}

TEST_CASE("auto certificate: made once, 0600, kept, and made again when it is no good any more") {
  const Quiet quiet;
  const Folder folder;
  const std::string state = folder.path + "/state", file = state + "/localhost.pem";
  std::string error;
  const PemPair first = tls::auto_pair(state, error);
  REQUIRE(error.empty());
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(slurp(file) == first.certificate);
  CHECK(tls::auto_pair(state, error).certificate == first.certificate);
  const PemPair expiring = made(std::chrono::hours(24 * 6));
  for (const std::string& bad :
       {std::string(), std::string("garbage"), first.certificate.substr(0, 300),
        expiring.certificate + expiring.key}) {
    std::ofstream(file, std::ios::trunc) << bad;
    const PemPair again = tls::auto_pair(state, error);
    CHECK(error.empty());
    CHECK(again.certificate != bad);
    CHECK(KeyPair::parse(again.certificate, again.key, error));
    CHECK(slurp(file) == again.certificate);
  }
}

TEST_CASE("auto certificate: a folder that can't be written is told of") {
  const Quiet quiet;
  std::string error;
  CHECK(tls::auto_pair("/proc/nowhere", error).certificate.empty());
  CHECK(error.starts_with("can't make /proc/nowhere: "));
}

TEST_CASE("development certificate: what is made for development is known again, nothing else is") {
  CHECK(tls::is_development_certificate(made().certificate));
  for (const char* text : {"", "nonsense"}) CHECK_FALSE(tls::is_development_certificate(text));
  // Self-signed for another name, and for localhost by somebody else.
  CHECK_FALSE(tls::is_development_certificate(self_signed("example.com")));
  CHECK_FALSE(tls::is_development_certificate(self_signed("localhost")));
  // Two of them are a chain, which it never is.
  CHECK_FALSE(tls::is_development_certificate(made().certificate + made().certificate));
}
