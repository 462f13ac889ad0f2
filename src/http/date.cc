#include "http/date.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace weir {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::system_clock;
using std::chrono::year_month_day;

// All names are compared in any case (RFC 9111 4.2).
constexpr std::string_view weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
// What the clock's nanoseconds can hold, with room for sums; beyond, one past or future is as good
// as another ("31 Dec 9999" is how some origins say "never").
constexpr int year_least = 1900;
constexpr int year_most = 2200;
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

void put_digits(char* at, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Digits at a fixed place; -1 when there is anything else. `blank`: the first may be one (asctime).
int number(std::string_view text, std::size_t at, std::size_t digits, bool blank = false) {
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    const bool allowed_blank = blank && i == at && text[i] == ' ';
    if (!is_digit(text[i]) && !allowed_blank) return -1;
    value = value * 10 + (allowed_blank ? 0 : text[i] - '0');
  }
  return value;
}

int month_number(std::string_view name) {
  for (std::size_t i = 0; i < months.size(); i += 3) {
    if (iequals(months.substr(i, 3), name)) return static_cast<int>(i / 3 + 1);
  }
  return -1;
}

bool is_weekday(std::string_view name, bool whole) {
  return std::any_of(std::begin(weekdays), std::end(weekdays), [&](std::string_view day) {
    return iequals(whole ? day : day.substr(0, 3), name);
  });
}

// A civil date and "08:49:37" to a point in time; nullopt when a part is out of range.
std::optional<system_clock::time_point> combine(int year, int month, int day,
                                                std::string_view clock) {
  if (year < 0 || month < 0 || day < 0 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const int hour = number(clock, 0, 2), minute = number(clock, 3, 2), second = number(clock, 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  if (year < year_least) return sys_days{std::chrono::year{year_least} / 1 / 1};
  if (year > year_most) return sys_days{std::chrono::year{year_most} / 1 / 1};
  return sys_days{date} + seconds{hour * 3600 + minute * 60 + second};
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<system_clock::time_point> parse_fixdate(std::string_view text) {
  const bool shape = is_weekday(text.substr(0, 3), false) && text.substr(3, 2) == ", " &&
                     text[7] == ' ' && text[11] == ' ' && text[16] == ' ' &&
                     iequals(text.substr(25), " GMT");
  if (!shape) return std::nullopt;
  return combine(number(text, 12, 4), month_number(text.substr(8, 3)), number(text, 5, 2),
                 text.substr(17, 8));
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<system_clock::time_point> parse_rfc850(std::string_view text,
                                                     system_clock::time_point now) {
  const auto comma = text.find(", ");
  if (comma == text.npos || !is_weekday(text.substr(0, comma), true)) return std::nullopt;
  text.remove_prefix(comma + 2);
  if (text.size() != 22 || text[2] != '-' || text[6] != '-' || text[9] != ' ' ||
      !iequals(text.substr(18), " GMT"))
    return std::nullopt;
  const int short_year = number(text, 7, 2);
  if (short_year < 0) return std::nullopt;
  // RFC 9110 5.6.7: more than 50 years ahead means the past.
  const int this_year = static_cast<int>(year_month_day{floor<days>(now)}.year());
  int year = this_year / 100 * 100 + short_year;
  if (year > this_year + 50) year -= 100;
  return combine(year, month_number(text.substr(3, 3)), number(text, 0, 2), text.substr(10, 8));
}

// "Sun Nov  6 08:49:37 1994"
std::optional<system_clock::time_point> parse_asctime(std::string_view text) {
  const bool shape = is_weekday(text.substr(0, 3), false) && text[3] == ' ' && text[7] == ' ' &&
                     text[10] == ' ' && text[19] == ' ';
  if (!shape) return std::nullopt;
  return combine(number(text, 20, 4), month_number(text.substr(4, 3)), number(text, 8, 2, true),
                 text.substr(11, 8));
}

}  // namespace

DateText format_http_date(system_clock::time_point time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const auto second = static_cast<unsigned>(floor<seconds>(time - day).count());
  const unsigned month = static_cast<unsigned>(date.month());
  DateText out;
  std::memcpy(out.data(), "Sun, 00 Jan 0000 00:00:00 GMT", out.size());
  std::memcpy(out.data(), weekdays[std::chrono::weekday{day}.c_encoding()].data(), 3);
  put_digits(out.data() + 5, static_cast<unsigned>(date.day()), 2);
  std::memcpy(out.data() + 8, months.data() + (month - 1) * std::size_t{3}, 3);
  put_digits(out.data() + 12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(out.data() + 17, second / 3600, 2);
  put_digits(out.data() + 20, second / 60 % 60, 2);
  put_digits(out.data() + 23, second % 60, 2);
  return out;
}

std::optional<system_clock::time_point> parse_http_date(std::string_view text,
                                                        system_clock::time_point now) {
  if (text.size() == 29 && text[3] == ',') return parse_fixdate(text);
  if (text.size() == 24) return parse_asctime(text);
  return parse_rfc850(text, now);
}

std::string_view DateCache::text(system_clock::time_point now) {
  const auto second = floor<seconds>(now.time_since_epoch());
  if (second != second_) {
    second_ = second;
    text_ = format_http_date(now);
  }
  return {text_.data(), text_.size()};
}

}  // namespace weir
