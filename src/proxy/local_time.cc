#include "proxy/local_time.h"

#include <cassert>
#include <cstdlib>
#include <ctime>
#include <string>

#include <fmt/format.h>

namespace weir {
namespace {

struct Formatted {
  std::time_t second = -1;
  std::string common, iso;
};

// strftime's month names follow the locale; logs don't.
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const Formatted& formatted(clock::Wall time) {
  static Formatted cache;  // a worker has one thread
  const std::time_t second = std::chrono::system_clock::to_time_t(time);
  if (second == cache.second) return cache;
  std::tm local{};
  localtime_r(&second, &local);
  const long minutes = std::labs(local.tm_gmtoff) / 60;
  const char sign = local.tm_gmtoff < 0 ? '-' : '+';
  cache.second = second;
  cache.common = fmt::format("{:02}/{}/{}:{:02}:{:02}:{:02} {}{:02}{:02}", local.tm_mday,
                             months[local.tm_mon], local.tm_year + 1900, local.tm_hour,
                             local.tm_min, local.tm_sec, sign, minutes / 60, minutes % 60);
  cache.iso = fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}", local.tm_year + 1900,
                          local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
                          local.tm_sec, sign, minutes / 60, minutes % 60);
  return cache;
}

}  // namespace

std::string_view common_log_time(clock::Wall time) { return formatted(time).common; }
std::string_view iso8601_time(clock::Wall time) { return formatted(time).iso; }

}  // namespace weir
