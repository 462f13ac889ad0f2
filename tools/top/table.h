// Tables: a frame as lines of text. Columns are as wide as what is in them; where all have no room
// those go first that matter least. Pure: the screen and --once print the same lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/top/frame.h"

namespace weir::top {

struct Span {
  std::string text;
  Mood mood = Mood::plain;
};
struct Line {
  std::vector<Span> spans;
  const PeerRow* peer = nullptr;  // that the line shows; into the frame

  std::string text() const;
};

// By which column the peers of a group stand: 0: as in the file.
struct Sorting {
  std::size_t column = 0;
  bool reverse = false;
};
std::size_t sortings();                      // how many columns there are, with "as in the file"
std::string_view sorting_name(std::size_t);  // "as configured", "REQ/S"
void sort(Frame& frame, const Sorting& sorting);

Line header_of(const Frame& frame);
std::vector<Line> lines_of(const Frame& frame, std::size_t width);

}  // namespace weir::top
