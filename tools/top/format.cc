#include "tools/top/format.h"

#include <fmt/format.h>

#include <cmath>

namespace weir::top {

std::string duration(std::int64_t ms) {
  if (ms < 0) ms = 0;
  const std::int64_t s = ms / 1000;
  if (s < 10) return fmt::format("{}.{}s", s, ms % 1000 / 100);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d{:02}h", s / 86400, s % 86400 / 3600);
}

std::string latency(std::uint64_t us) {
  if (us == 0) return "-";
  if (us < 1000) return fmt::format("{}us", us);
  if (us < 10'000) return fmt::format("{}.{}ms", us / 1000, us % 1000 / 100);
  if (us < 1'000'000) return fmt::format("{}ms", us / 1000);
  return fmt::format("{}.{}s", us / 1'000'000, us % 1'000'000 / 100'000);
}

std::string rate(double per_second) {
  if (per_second <= 0) return "0";
  if (per_second < 9.95) return fmt::format("{:.1f}", per_second);
  if (per_second < 9999.5) return fmt::format("{:.0f}", per_second);
  if (per_second < 999'950) return fmt::format("{:.1f}k", per_second / 1e3);
  return fmt::format("{:.1f}M", per_second / 1e6);
}

std::string percent(double share) {
  const double percents = share * 100;
  return percents >= 99.95 ? fmt::format("{:.0f}", percents) : fmt::format("{:.1f}", percents);
}

std::string size(std::uint64_t bytes) {
  constexpr std::string_view units = "kMGTPE";
  if (bytes < 1024) return fmt::format("{}", bytes);
  double scaled = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; scaled >= 1023.5; ++unit) scaled /= 1024;
  return scaled < 9.95 ? fmt::format("{:.1f}{}", scaled, units[unit])
                       : fmt::format("{:.0f}{}", scaled, units[unit]);
}

std::string count(std::uint64_t number) {
  if (number < 100'000) return fmt::format("{}", number);
  if (number < 10'000'000) return fmt::format("{}k", number / 1000);
  return fmt::format("{}M", number / 1'000'000);
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return out;
}

}  // namespace weir::top
