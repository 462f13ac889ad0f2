// Small pure helpers over text. ASCII only and independent of the locale: what protocols need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool iequals(std::string_view a, std::string_view b);  // equal but for ASCII case
std::string lower(std::string_view text);

// Without leading and trailing bytes of `blank` (by default HTTP's OWS: space and tab).
std::string_view trim(std::string_view text, std::string_view blank = " \t");

// The parts between separators; empty parts are kept ("a,,b" has three).
std::vector<std::string_view> split(std::string_view text, char separator);

// The words between runs of blanks; no empty words.
std::vector<std::string_view> words(std::string_view text, std::string_view blank = " \t");

// Digits only: no sign, no blank, nothing else, no overflow; nullopt otherwise.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// "192.0.2.1" of four bytes in network order into `out`; returns its length. inet_ntop does the
// same through printf, which is a tenth of all that a request costs.
inline constexpr std::size_t ipv4_text_max = 15;
std::size_t format_ipv4(std::string_view bytes, char* out);
// Exactly what format_ipv4 writes: four numbers up to 255, no leading zero, no short form.
bool is_ipv4(std::string_view text);

// For "did you mean": the number of single-character edits between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace weir
