// Formatting into memory that is there already. What fmt::format_to needs is compiled in one place:
// each source that calls it itself carries all of fmt, four seconds of compiling.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>

namespace weir {

void vappend_format(std::string& out, fmt::string_view format, fmt::format_args args);
std::size_t vformat_into(std::span<char> out, fmt::string_view format, fmt::format_args args);

template <class... Args>
void append_format(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  vappend_format(out, format, fmt::make_format_args(args...));
}

// Cut where `out` ends, no NUL; returns how many bytes were written.
template <class... Args>
std::size_t format_into(std::span<char> out, fmt::format_string<Args...> format, Args&&... args) {
  return vformat_into(out, format, fmt::make_format_args(args...));
}

}  // namespace weir
