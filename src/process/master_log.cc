#include "process/master_log.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

namespace weir::process {
namespace {

constexpr std::size_t line_bytes_max = 8192;

Fd early_file;
const LogFiles* log_files = nullptr;
bool tell_terminal = true;

void put(int fd, const char* line, std::size_t size) {
  // The last resort has nowhere to report its own failure.
  [[maybe_unused]] const auto written = ::write(fd, line, size);
}

void sink(log::Level level, std::string_view message) {
  clock::refresh();
  char line[line_bytes_max];
  const std::size_t size = log::format_line(line, sizeof line, level, ::getpid(), message);
  if (log_files == nullptr) return put(early_file ? early_file.get() : STDERR_FILENO, line, size);
  put(log_files->error_log_fd(), line, size);
  if (tell_terminal && !log_files->error_log_is_stderr()) put(STDERR_FILENO, line, size);
}

}  // namespace

void log_early(const std::string& file) {
  if (!file.empty() && file != "stderr") {
    std::string why;
    early_file = open_log({false, file}, why);
    if (!early_file) log::error("{}", why);
  }
  log::set_sink(sink);
}

void log_as_master(const LogFiles& logs) { log_files = &logs; }
void stop_telling_the_terminal() { tell_terminal = false; }
void log_as_master_ends() { log_files = nullptr; }

}  // namespace weir::process
