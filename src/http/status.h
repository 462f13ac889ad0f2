// Status codes: the standard phrases, and the classes that decide framing.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

std::string_view reason_phrase(std::uint16_t status);  // "Unknown" when not registered

constexpr bool is_informational(std::uint16_t status) { return status >= 100 && status < 200; }

// Answers that never have a body, whatever their fields say (RFC 9110 6.4.1); HEAD comes on top.
constexpr bool forbids_body(std::uint16_t status) {
  return is_informational(status) || status == 204 || status == 304;
}

}  // namespace weir
