// HTTP dates (RFC 9110 5.6.7): always written as IMF-fixdate, read in all three forms.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

namespace weir {

using DateText = std::array<char, 29>;  // "Sun, 06 Nov 1994 08:49:37 GMT"

DateText format_http_date(std::chrono::system_clock::time_point time);

// `now` decides the century of the obsolete RFC 850 form. Dates before 1900 and after 2200 are read
// as those years.
std::optional<std::chrono::system_clock::time_point> parse_http_date(
    std::string_view text, std::chrono::system_clock::time_point now);

// The Date field's text, formatted once per second.
class DateCache {
 public:
  std::string_view text(std::chrono::system_clock::time_point now);

 private:
  std::chrono::seconds second_{-1};
  DateText text_{};
};

}  // namespace weir
