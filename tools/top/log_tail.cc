#include "tools/top/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tools/top/format.h"

namespace weir::top {
namespace {

constexpr off_t tail_bytes = 64 * 1024;
constexpr int reads_max = 16;  // at once: a log that is written faster than it is read

}  // namespace

std::string LogTail::open(const std::string& path) {
  fd_ = Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) return fmt::format("{}: {}", path, std::strerror(errno));
  struct stat status {};
  if (::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > tail_bytes) {
    ::lseek(fd_.get(), status.st_size - tail_bytes, SEEK_SET);
  }
  read();
  return {};
}

void LogTail::read() {
  if (!fd_) return;
  char bytes[16384];
  for (int i = 0; i < reads_max; ++i) {
    const ssize_t got = ::read(fd_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    add({bytes, static_cast<std::size_t>(got)});
  }
}

void LogTail::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    part_.append(piece.substr(0, line_bytes_max - std::min(part_.size(), line_bytes_max)));
    if (end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
    lines_.push_back(printable(part_));
    part_.clear();
    if (lines_.size() > lines_max) lines_.pop_front();
  }
}

}  // namespace weir::top
