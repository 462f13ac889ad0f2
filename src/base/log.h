// Log lines. Every room may log; where a line goes is decided once per process by set_sink().
//
// A sink must not block and must not log. Until a process sets one, lines go to stderr (start-up,
// tests, tools). In a worker the sink is its log ring (process/ sets it). A message is one line:
// control bytes are escaped by the formatter.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace weir::log {

// nginx's levels, most severe first.
enum class Level : unsigned char { emerg, alert, crit, error, warn, notice, info, debug };

std::string_view name(Level level);

using Sink = void (*)(Level level, std::string_view message);
void set_sink(Sink sink);  // nullptr: stderr
void set_threshold(
    Level least);  // lines less severe than this are dropped before they are formatted
bool enabled(Level level);

// "2026/11/23 21:40:01 [warn] 1234: message\n" into `out`; returns the bytes used, never more than
// `size` (64 at least). Control bytes are escaped as \xHH, and a line that does not fit ends in
// "...".
std::size_t format_line(char* out, std::size_t size, Level level, int pid,
                        std::string_view message);

void write(Level level, std::string_view message);
void vwrite(Level level, fmt::string_view format, fmt::format_args args);

template <class... Args>
void line(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) vwrite(level, format, fmt::make_format_args(args...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::error, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::notice, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::debug, format, std::forward<Args>(args)...);
}

}  // namespace weir::log
