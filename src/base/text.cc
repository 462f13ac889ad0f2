#include "base/text.h"

#include <algorithm>
#include <limits>

namespace weir {

bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

std::string_view trim(std::string_view text, std::string_view blank) {
  const auto first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words(std::string_view text, std::string_view blank) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto first = text.find_first_not_of(blank);
    if (first == text.npos) return out;
    text.remove_prefix(first);
    const auto length = std::min(text.find_first_of(blank), text.size());
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr std::size_t always_fit = std::numeric_limits<std::uint64_t>::digits10;
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at])) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    if (at >= always_fit && value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::size_t format_ipv4(std::string_view bytes, char* out) {
  char* at = out;
  for (const char byte : bytes.substr(0, 4)) {
    unsigned rest = static_cast<unsigned char>(byte);
    if (at != out) *at++ = '.';
    if (rest >= 100) *at++ = static_cast<char>('0' + rest / 100);
    if (rest >= 10) *at++ = static_cast<char>('0' + rest / 10 % 10);
    *at++ = static_cast<char>('0' + rest % 10);
  }
  return static_cast<std::size_t>(at - out);
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return false;
      text.remove_prefix(1);
    }
    unsigned number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits) {
      if (digits == 3 || (digits == 1 && number == 0)) return false;
      number = number * 10 + static_cast<unsigned>(text[digits] - '0');
    }
    if (digits == 0 || number > 255) return false;
    text.remove_prefix(digits);
  }
  return text.empty();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace weir
