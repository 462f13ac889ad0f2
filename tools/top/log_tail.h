// LogTail: the last lines of a file, or of what comes through a pipe.
#pragma once

#include <deque>
#include <string>

#include "os/fd.h"

namespace weir::top {

class LogTail {
 public:
  static constexpr std::size_t lines_max = 200, line_bytes_max = 4096;

  // Empty: it is open. A file is read from near its end on.
  std::string open(const std::string& path);
  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  void read();  // what has come since, as far as it can be had at once
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  void add(std::string_view bytes);

  Fd fd_;
  std::deque<std::string> lines_;
  std::string part_;  // of a line that is not complete
};

}  // namespace weir::top
