// Reader: one file into section lines and "key = value" lines, through inih.
//
// inih splits lines; it does not judge them. It cuts long lines silently, hides empty and repeated
// sections, cuts long section names, takes ':' for '=' and reports only the first bad line. So each
// line is looked at here first, and what inih would misread never reaches it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/report.h"

namespace weir::conf {

struct Line {
  enum class Kind : unsigned char { section, pair };
  Kind kind = Kind::section;
  std::uint32_t number = 0;
  std::string name;   // what stands between the brackets, or the key
  std::string value;  // of a pair
  std::uint32_t name_column = 0, value_column = 0;
};

constexpr std::size_t line_bytes_max = 16000;

// The lines of `bytes`, which is file `file` of the report. What can't be read is an error there;
// the pairs below a bad section line are left out, since nobody knows where they belong.
std::vector<Line> read_lines(std::string_view bytes, std::uint32_t file, Report& report);

// Editors put a mark in front of UTF-8; it is not part of the text.
std::string_view without_byte_order_mark(std::string_view bytes);

}  // namespace weir::conf
