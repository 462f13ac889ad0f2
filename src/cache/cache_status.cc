#include "cache/cache_status.h"

#include "base/format.h"

namespace weir::cache {
namespace {

std::string_view forward_text(Forward forward) {
  switch (forward) {
    case Forward::none: return {};
    case Forward::bypass: return "bypass";
    case Forward::method: return "method";
    case Forward::uri_miss: return "uri-miss";
    case Forward::vary_miss: return "vary-miss";
    case Forward::request: return "request";
    case Forward::stale: return "stale";
    case Forward::partial: return "partial";
  }
  return {};
}

// Whole seconds, downwards: what is stale since half a second is not "0".
std::int64_t seconds(std::int64_t ms) { return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000); }

}  // namespace

void append_cache_status(const CacheStatus& status, std::string& out) {
  if (!out.empty()) out += ", ";
  out += "weir";
  if (status.hit) out += "; hit";
  if (!status.hit && status.forward != Forward::none) {  // one of the two (RFC 9211 2.2)
    out.append("; fwd=").append(forward_text(status.forward));
    if (status.forward_status != 0) {
      append_format(out, "; fwd-status={}", status.forward_status);
    }
    if (status.stored) out += "; stored";
    if (status.collapsed) out += "; collapsed";
  }
  if (status.ttl) append_format(out, "; ttl={}", seconds(*status.ttl));
  if (!status.detail.empty()) out.append("; detail=\"").append(status.detail).append("\"");
}

std::string_view word_text(Word word) {
  switch (word) {
    case Word::hit: return "HIT";
    case Word::miss: return "MISS";
    case Word::stale: return "STALE";
    case Word::revalidated: return "REVALIDATED";
    case Word::updating: return "UPDATING";
    case Word::bypass: return "BYPASS";
  }
  return {};
}

}  // namespace weir::cache
