#include "process/log_files.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "os/folder.h"

namespace weir::process {

Fd open_log(const conf::LogFile& file, std::string& why) {
  constexpr int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  if (file.to_stderr) {
    // Opened anew, so that O_NONBLOCK is ours alone and not the terminal's or the shell's.
    Fd fd(::open("/proc/self/fd/2", flags));
    if (!fd) fd = Fd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));  // a socket: can't be opened
    if (!fd) why = fmt::format("stderr can't be opened ({}: {})", errno, std::strerror(errno));
    return fd;
  }
  make_folder_of(file.path);
  Fd fd(::open(file.path.c_str(), flags | O_CREAT, 0640));
  if (!fd) {
    why = fmt::format("open() \"{}\" failed ({}: {})", file.path, errno, std::strerror(errno));
  }
  return fd;
}

std::string LogFiles::take(std::size_t stream, const conf::LogFile& file,
                           std::uint64_t generation) {
  if (stream >= entries_.size()) entries_.resize(stream + 1);
  Entry& entry = entries_[stream];
  if (!entry.open() || entry.file != file) {
    std::string why;
    Fd fd = open_log(file, why);
    if (!fd) return why;
    entry.fd = std::move(fd);
    entry.file = file;
  }
  entry.users.insert(generation);
  return {};
}

std::string LogFiles::open_access_log(conf::LogConf& log, std::uint64_t generation) {
  std::size_t free = 0;
  for (std::size_t stream = 1; stream < entries_.size(); ++stream) {
    if (entries_[stream].open() && entries_[stream].file == *log.path) {
      entries_[stream].users.insert(generation);
      log.stream = static_cast<std::uint16_t>(stream);
      return {};
    }
    if (!entries_[stream].open() && free == 0) free = stream;
  }
  if (free == 0) free = std::max<std::size_t>(entries_.size(), 1);
  if (free >= streams_max) return fmt::format("more than {} log files", streams_max - 1);
  log.stream = static_cast<std::uint16_t>(free);
  return take(free, *log.path, generation);
}

std::string LogFiles::open_for(conf::Config& config, std::uint64_t generation) {
  // The error log is one for all generations: the newest configuration says which file it is.
  if (std::string why = take(error_stream, config.main.error_log->file, generation); !why.empty()) {
    return why;
  }
  for (auto& log : config.logs) {
    if (std::string why = open_access_log(log, generation); !why.empty()) return why;
  }
  return {};
}

std::vector<std::uint16_t> LogFiles::release(std::uint64_t generation) {
  std::vector<std::uint16_t> gone;
  for (std::size_t stream = 0; stream < entries_.size(); ++stream) {
    Entry& entry = entries_[stream];
    entry.users.erase(generation);
    if (stream == error_stream || !entry.users.empty() || !entry.open()) continue;
    entry.fd.reset();
    gone.push_back(static_cast<std::uint16_t>(stream));
  }
  return gone;
}

std::string LogFiles::reopen() {
  std::string all;
  for (Entry& entry : entries_) {
    if (!entry.open() || entry.file.to_stderr) continue;
    std::string why;
    Fd fd = open_log(entry.file, why);
    if (fd) {
      entry.fd = std::move(fd);
    } else {
      all += (all.empty() ? "" : "; ") + why;
    }
  }
  return all;
}

std::vector<LogFiles::File> LogFiles::files() const {
  std::vector<File> out;
  for (std::size_t stream = 0; stream < entries_.size(); ++stream) {
    if (entries_[stream].open()) {
      out.push_back({static_cast<std::uint16_t>(stream), entries_[stream].fd.get()});
    }
  }
  return out;
}

int LogFiles::error_log_fd() const {
  return entries_.empty() || !entries_[error_stream].open() ? STDERR_FILENO
                                                            : entries_[error_stream].fd.get();
}

bool LogFiles::error_log_is_stderr() const {
  return entries_.empty() || entries_[error_stream].file.to_stderr;
}

}  // namespace weir::process
