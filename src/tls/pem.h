// Certificates and keys from PEM text, and the pairs that are made here: for `ssl_certificate =
// auto` and for tools. Nothing in here opens a file by itself but auto_pair().
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tls {

struct PemPair {
  std::string certificate;  // the server's first, then its intermediates
  std::string key;
};

// A certificate chain with its key, read once and shared by all contexts that use it.
class KeyPair {
 public:
  ~KeyPair();
  KeyPair& operator=(KeyPair&&) = delete;

  // Null, with the reason in `error`: no certificate, a key with a pass phrase, a key of another
  // certificate. `key` may be the same text as `certificate`.
  static std::unique_ptr<KeyPair> parse(std::string_view certificate, std::string_view key,
                                        std::string& error);
  bool expired() const;
  std::string_view kind() const;  // "RSA", "EC", "ED25519"
  std::string expires() const;    // "Jan  1 00:00:00 2027 GMT"

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit KeyPair(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Self-signed, P-256, for localhost, 127.0.0.1 and ::1, for development only. Empty when OpenSSL
// can't (no randomness, no memory), with the reason in `error`.
PemPair make_development_pair(std::string& error,
                              std::chrono::hours valid = std::chrono::hours(24 * 365));

// One that make_development_pair() has made, on whatever machine: for clients that need not verify
// it.
bool is_development_certificate(std::string_view pem);

// The pair of `ssl_certificate = auto`, kept 0600 under `state_path`: taken from there, or made and
// put there when it is absent, unreadable, expired or about to expire within a week. Logs what it
// did. For the master at start, as the user that owns the folder.
PemPair auto_pair(const std::string& state_path, std::string& error);

}  // namespace weir::tls
