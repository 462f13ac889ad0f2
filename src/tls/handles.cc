#include "tls/handles.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <climits>

namespace weir::tls {

std::string_view take_reason(std::string_view fallback) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? fallback : std::string_view(reason);
}

std::string take_description(std::string_view fallback) {
  const char* data = nullptr;
  int flags = 0;
  const unsigned long code = ERR_peek_error_all(nullptr, nullptr, nullptr, &data, &flags);
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text(reason == nullptr ? fallback : std::string_view(reason));
  if (data != nullptr && (flags & ERR_TXT_STRING) != 0 && *data != '\0')
    text.append(": ").append(data);
  ERR_clear_error();
  return text;
}

MemoryBio bio_of(std::string_view bytes) {
  if (bytes.size() > INT_MAX) return nullptr;
  return MemoryBio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

}  // namespace weir::tls
