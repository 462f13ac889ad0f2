#include "http/content_coding.h"

#include "base/text.h"

namespace weir {

std::optional<ContentCoding> content_coding(std::string_view name) {
  for (std::size_t at = 0; at < content_codings; ++at) {
    const auto coding = static_cast<ContentCoding>(at);
    if (iequals(name, coding_name(coding))) return coding;
  }
  if (iequals(name, "x-gzip")) return ContentCoding::gzip;
  return std::nullopt;
}

}  // namespace weir
