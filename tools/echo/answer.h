// The content of weir-echo's answers: a request, told in JSON. Pure.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "http/message.h"
#include "net/transport.h"

namespace weir::echo {

// Takes a request's body in pieces and keeps at most `kept_max` bytes of it: of a longer one only
// length and SHA-256 are known in the end.
class BodyRecord {
 public:
  static constexpr std::size_t kept_max = std::size_t{64} * 1024;

  void start();
  void add(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  bool whole() const { return size_ == kept_.size(); }
  std::string_view kept() const { return kept_; }
  std::string sha256();  // hexadecimal; the last call of a record

 private:
  void hash(std::string_view bytes);

  Handle<EVP_MD_CTX, &EVP_MD_CTX_free> digest_;
  std::string kept_;
  std::uint64_t size_ = 0;
};

// The members about a request's head, as a JSON object. Made before the body arrives, because the
// head's text does not live so long.
std::string describe_head(const RequestHead& head);

struct AnswerParts {
  std::uint16_t status = 200;
  std::string_view message;
  std::string_view head;         // of describe_head(); empty: nothing is told of the request
  BodyRecord* body = nullptr;    // nullptr: none
  bool body_is_json = false;     // by its Content-Type
  const TlsInfo* tls = nullptr;  // nullptr: plain
  std::uint16_t port = 0;        // 0: not told
};
std::string json_answer(const AnswerParts& parts);

// A name or value of a query: '+' is a blank, a malformed escape stays as it is.
std::string decode_form(std::string_view text);

// Is this a media type of JSON ("application/json", "application/problem+json; charset=utf-8")?
bool is_json_type(std::string_view content_type);

}  // namespace weir::echo
