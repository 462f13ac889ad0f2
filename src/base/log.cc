#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/clock.h"
#include "base/format.h"

namespace weir::log {
namespace {

constexpr std::size_t line_bytes_max = 8192;

void to_stderr(Level level, std::string_view message) {
  clock::refresh();
  char text[line_bytes_max];
  const std::size_t size = format_line(text, sizeof text, level, getpid(), message);
  // The last resort has nowhere to report its own failure.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, size);
}

Sink current_sink = to_stderr;
Level current_threshold = Level::notice;

}  // namespace

std::string_view name(Level level) {
  static constexpr std::array<std::string_view, 8> names = {"emerg", "alert",  "crit", "error",
                                                            "warn",  "notice", "info", "debug"};
  return names[static_cast<std::size_t>(level)];
}

void set_sink(Sink sink) { current_sink = sink != nullptr ? sink : to_stderr; }
void set_threshold(Level least) { current_threshold = least; }
bool enabled(Level level) { return level <= current_threshold; }

std::size_t format_line(char* out, std::size_t size, Level level, int pid,
                        std::string_view message) {
  static constexpr std::string_view ellipsis = "...\n";
  static constexpr char hex[] = "0123456789abcdef";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(clock::wall());
  std::tm local{};
  localtime_r(&seconds, &local);
  std::size_t used = format_into(
      {out, size}, "{:04}/{:02}/{:02} {:02}:{:02}:{:02} [{}] {}: ", local.tm_year + 1900,
      local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, name(level), pid);
  for (const char c : message) {
    if (used + 4 + ellipsis.size() > size) {
      const std::size_t tail = std::min(ellipsis.size(), size - used);
      std::copy_n(ellipsis.end() - static_cast<std::ptrdiff_t>(tail), tail, out + used);
      return used + tail;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out[used++] = c;
      continue;
    }
    out[used++] = '\\';
    out[used++] = 'x';
    out[used++] = hex[byte >> 4];
    out[used++] = hex[byte & 15];
  }
  if (used < size) out[used++] = '\n';
  return used;
}

void write(Level level, std::string_view message) {
  if (enabled(level)) current_sink(level, message);
}

void vwrite(Level level, fmt::string_view format, fmt::format_args args) {
  current_sink(level, fmt::vformat(format, args));
}

}  // namespace weir::log
