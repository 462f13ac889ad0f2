// Content codings (RFC 9110 8.4.1): those that are known here, and how they are written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

// deflate is the zlib format (RFC 9110 8.4.1.2).
enum class ContentCoding : std::uint8_t { identity, gzip, deflate, br, zstd };
inline constexpr std::size_t content_codings = 5;
inline constexpr std::array real_codings = {ContentCoding::br, ContentCoding::zstd,
                                            ContentCoding::gzip, ContentCoding::deflate};

inline constexpr std::string_view coding_name(ContentCoding coding) {
  constexpr std::array<std::string_view, content_codings> names = {"identity", "gzip", "deflate",
                                                                   "br", "zstd"};
  return names[static_cast<std::size_t>(coding)];
}

// As it stands in Content-Encoding or Accept-Encoding, in any case; x-gzip is gzip (RFC 9110
// 8.4.1.3). nullopt: none that is known here.
std::optional<ContentCoding> content_coding(std::string_view name);

}  // namespace weir
