#include "process/child_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "base/log.h"
#include "process/log_files.h"

namespace weir::process {
namespace {

struct ChildLog {
  shm::Zones& zones;
  shm::RingWriter ring;
  int fallback_fd;
};
std::optional<ChildLog> child_log;

void to_ring(log::Level level, std::string_view message) {
  char line[shm::line_bytes_max];
  const std::size_t size = log::format_line(line, sizeof line, level, ::getpid(), message);
  if (child_log->ring.push(LogFiles::error_stream, {line, size}, static_cast<unsigned>(level))) {
    child_log->zones.wake_logger();
    return;
  }
  // The last resort has nowhere to report its own failure.
  [[maybe_unused]] const auto written = ::write(child_log->fallback_fd, line, size);
}

}  // namespace

void log_to_ring(shm::Zones& zones, shm::SlotId slot, int fallback_fd) {
  child_log.emplace(ChildLog{zones, zones.log_writer(slot), fallback_fd});
  log::set_sink(to_ring);
}

void switch_error_log(const ChildSide& side, const std::vector<Fd>& received) {
  if (received.empty()) return;
  const int fd = received.front().get();
  if (::dup3(fd, side.error_log_fd, O_CLOEXEC) < 0) {
    log::error("the new error log can't be used: dup3()");
    return;
  }
  if (side.detached) ::dup2(fd, STDERR_FILENO);
}

}  // namespace weir::process
