// ProgressBar: one line on a terminal's standard error, written over itself. Nothing anywhere else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::load {

struct Progress {
  std::chrono::nanoseconds elapsed{0};
  std::chrono::nanoseconds duration{0};  // 0: it ends by number
  std::uint64_t requests = 0;            // 0: it ends by time
  std::uint64_t done = 0, failed = 0, in_flight = 0;
  double per_second = 0;  // of late
};

// The line, at most `width` wide, without colour or line end. Pure.
std::string progress_line(const Progress& progress, std::size_t width);

class ProgressBar {
 public:
  ProgressBar();
  bool visible() const { return visible_; }
  void show(Progress progress);  // per_second is filled here
  void clear();

 private:
  bool visible_;
  bool shown_ = false;
  Progress last_;
};

}  // namespace weir::load
