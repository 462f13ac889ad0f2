#include "process/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "os/folder.h"

namespace weir::process {
namespace {

constexpr int tries_max = 8;

std::string failure(const char* call, const std::string& path) {
  return std::string(call) + "(" + path + "): " + std::strerror(errno);
}

// Somebody else's file or link in our place: a process with rights on the folder could let the
// master write into any file. Such a thing is not opened for writing but replaced.
bool is_ours(const struct stat& status) {
  return S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == ::geteuid();
}

bool still_at(const std::string& path, const struct stat& opened) {
  struct stat now {};
  return ::lstat(path.c_str(), &now) == 0 && now.st_dev == opened.st_dev &&
         now.st_ino == opened.st_ino;
}

pid_t read_pid(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  if (size <= 0) return 0;
  const auto number = parse_decimal(trim({text, static_cast<std::size_t>(size)}, " \n"));
  return number && *number < 0x7fffffff ? static_cast<pid_t>(*number) : 0;
}

}  // namespace

PidFile::Taken PidFile::take(const std::string& path, pid_t pid) {
  Taken out;
  make_folder_of(path);
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644));
    struct stat status {};
    if (!fd && errno != ELOOP) {
      out.error = failure("open", path);
      return out;
    }
    if (!fd || ::fstat(fd.get(), &status) != 0 || !is_ours(status)) {
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        out.error = failure("unlink", path);
        return out;
      }
      continue;
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      out.holder = read_pid(fd.get());
      out.error = "another instance is running";
      return out;
    }
    if (!still_at(path, status)) continue;  // the last holder removed it meanwhile
    const std::string text = std::to_string(pid) + "\n";
    if (::pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
        ::ftruncate(fd.get(), static_cast<off_t>(text.size())) != 0) {
      out.error = failure("write", path);
      return out;
    }
    PidFile file;
    file.path_ = path;
    file.fd_ = std::move(fd);
    out.file = std::move(file);
    return out;
  }
  out.error = path + " is replaced all the time";
  return out;
}

std::optional<pid_t> PidFile::holder(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::nullopt;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;  // nobody holds it
  const pid_t pid = read_pid(fd.get());
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

void PidFile::remove() {
  if (!fd_) return;
  ::unlink(path_.c_str());  // while it is still locked: nobody else's file can be meant
  fd_.reset();
}

}  // namespace weir::process
