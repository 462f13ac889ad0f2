#include "http/message.h"

#include <cassert>

namespace weir {
namespace {

constexpr std::string_view method_names[] = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                             "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};

}  // namespace

Method parse_method(std::string_view text) {
  switch (text.size()) {  // the length alone leaves at most two candidates
    case 3:
      if (text == "GET") return Method::get;
      if (text == "PUT") return Method::put;
      break;
    case 4:
      if (text == "POST") return Method::post;
      if (text == "HEAD") return Method::head;
      break;
    case 5:
      if (text == "PATCH") return Method::patch;
      if (text == "TRACE") return Method::trace;
      break;
    case 6:
      if (text == "DELETE") return Method::delete_;
      break;
    case 7:
      if (text == "OPTIONS") return Method::options;
      if (text == "CONNECT") return Method::connect;
      break;
    default: break;
  }
  return Method::other;
}

std::string_view method_name(Method method) {
  return method_names[static_cast<std::size_t>(method)];
}

bool is_safe(Method method) {
  using enum Method;
  return method == get || method == head || method == options || method == trace;
}

bool is_idempotent(Method method) {
  return is_safe(method) || method == Method::put || method == Method::delete_;
}

std::string_view version_text(Version version) {
  switch (version) {
    case Version::http_1_0: return "HTTP/1.0";
    case Version::http_1_1: return "HTTP/1.1";
    case Version::http_2: return "HTTP/2.0";
  }
  assert(false);
  return {};
}

void RequestHead::clear() {
  fields.clear();
  Fields kept = std::move(fields);
  *this = RequestHead{};
  fields = std::move(kept);
}

void ResponseHead::clear() {
  fields.clear();
  version = Version::http_1_1;
  status = 0;
  reason = {};
}

}  // namespace weir
